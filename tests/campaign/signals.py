"""Which signals a program under test heeds. It inherits those that are ignored, as `nohup` and the background of a shell
ignore some; here it is meant to end by them."""

import signal


def heed():
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
