"""A name server on 127.0.0.53 that knows one name: name_server.py NAME ADDRESS. Prints the names that it is asked for."""

import socket
import struct
import sys

name, address = sys.argv[1], sys.argv[2]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.53", 53))
while True:
    query, client = server.recvfrom(512)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    asked, kind = ".".join(labels), struct.unpack("!H", query[at + 1 : at + 3])[0]
    print(asked, kind, flush=True)
    known = asked == name
    answers = int(known and kind == 1)
    head = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, answers, 0, 0)
    answer = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address) if answers else b""
    server.sendto(head + query[12 : at + 5] + answer, client)
