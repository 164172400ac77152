"""The official Python SDK of Anthropic against the simulator. Run by tests/clients/run, which says where the listeners are."""

import json
import os
import unittest

import anthropic
from anthropic import Anthropic, AnthropicFoundry

from rough import ROUGH, Unfinished, again

LISTENERS = {one["name"]: one["url"] for one in json.loads(os.environ["SIM_LISTENERS"])["listeners"]}
SUITE = os.environ.get("SIM_SUITE", "all")
KEY = "key"
MODEL = "claude-haiku-4-5"
ASK = [{"role": "user", "content": "hello world"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}


def clients(url, **more):
    """Every way in which people point the SDK at the service."""
    more = {"max_retries": 4, **more}
    return {
        "Anthropic": Anthropic(base_url=f"{url}/anthropic", api_key=KEY, **more),
        "AnthropicFoundry": AnthropicFoundry(base_url=f"{url}/anthropic/", api_key=KEY, **more),
    }


def read_to_its_end(manager):
    """The message of a stream that came to its end, and the text as it came."""
    with manager as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    if message.stop_reason is None:
        raise Unfinished("the stream ended without a reason")
    return message, text


class Smoke(unittest.TestCase):
    """At every listener of every scenario."""

    def test_a_message_streamed_and_not(self):
        for name, url in LISTENERS.items():
            for way, client in clients(url).items():
                with self.subTest(listener=name, way=way):
                    ask = {"model": MODEL, "max_tokens": 8, "messages": ASK}
                    message = again(lambda: client.messages.create(**ask), anthropic.APIError)
                    streamed, text = again(lambda: read_to_its_end(client.messages.stream(**ask)), anthropic.APIError)
                    self.assertEqual(message.stop_reason, "max_tokens")
                    self.assertEqual((message.usage.output_tokens, streamed.usage.output_tokens), (8, 8))
                    self.assertEqual(message.usage.input_tokens, streamed.usage.input_tokens)
                    self.assertEqual(streamed.content[0].text, text)
                    self.assertTrue(message._request_id)


@unittest.skipUnless(SUITE == "all", "a short run")
class Whole(unittest.TestCase):
    """At the listeners of the suite."""

    def each(self, **more):
        for name, url in LISTENERS.items():
            for way, client in clients(url, **more).items():
                with self.subTest(listener=name, way=way):
                    yield client

    def test_events_come_in_their_order(self):
        for client in self.each():
            kinds = [event.type for event in client.messages.create(model=MODEL, max_tokens=9, messages=ASK, stream=True)]
            self.assertEqual((kinds[0], kinds[-2:]), ("message_start", ["message_delta", "message_stop"]))
            self.assertEqual(kinds.count("content_block_start"), kinds.count("content_block_stop"))

    def test_tools_are_called_and_their_results_answered(self):
        for client in self.each():
            more = dict(model=MODEL, max_tokens=200, tools=[WEATHER])
            whole = client.messages.create(messages=ASK, **more, tool_choice={"type": "any"})
            with client.messages.stream(messages=ASK, **more, tool_choice={"type": "tool", "name": "get_weather"}) as stream:
                streamed = stream.get_final_message()
            for message in (whole, streamed):
                self.assertEqual(message.stop_reason, "tool_use")
                call = message.content[-1]
                self.assertEqual((call.type, call.name), ("tool_use", "get_weather"))
                self.assertIn(call.input["unit"], ("celsius", "fahrenheit"))
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
                for block in whole.content if block.type == "tool_use"
            ]
            said = ASK + [{"role": "assistant", "content": whole.content}, {"role": "user", "content": results}]
            answer = client.messages.create(messages=said, **more)
            self.assertEqual(answer.content[0].type, "text")

    def test_thoughts_are_shown_where_they_are_asked_for(self):
        for client in self.each():
            more = dict(model="claude-opus-5-5", max_tokens=300, messages=ASK)
            with client.messages.stream(**more, thinking={"type": "adaptive", "display": "summarized"}) as stream:
                message = stream.get_final_message()
            self.assertEqual([block.type for block in message.content], ["thinking", "text"])
            self.assertTrue(message.content[0].thinking and message.content[0].signature)
            hidden = client.messages.create(**more)
            self.assertEqual((hidden.content[0].type, hidden.content[0].thinking), ("thinking", ""))
            self.assertGreater(hidden.usage.output_tokens_details.thinking_tokens, 0)

    def test_tokens_are_counted_as_they_are_billed(self):
        for client in self.each():
            more = dict(model=MODEL, messages=ASK, system="Be brief.", tools=[WEATHER])
            counted = client.messages.count_tokens(**more).input_tokens
            self.assertEqual(counted, client.messages.create(**more, max_tokens=300).usage.input_tokens)

    def test_every_error_has_its_class(self):
        table = [
            ("400", anthropic.BadRequestError), ("401", anthropic.AuthenticationError),
            ("403", anthropic.PermissionDeniedError), ("404", anthropic.NotFoundError),
            ("429", anthropic.RateLimitError), ("500", anthropic.InternalServerError),
            ("529", anthropic.APIStatusError),
        ]
        for client in self.each(max_retries=0):
            for fault, kind in table:
                with self.assertRaises(kind) as caught:
                    client.messages.create(
                        model=MODEL, max_tokens=5, messages=ASK, extra_headers={"x-sim-fault": fault}
                    )
                self.assertEqual(caught.exception.status_code, int(fault))
                self.assertEqual(caught.exception.body["type"], "error")
                self.assertTrue(caught.exception.request_id)
            with self.assertRaises(anthropic.BadRequestError):
                client.messages.create(model=MODEL, max_tokens=5, messages=[{"role": "assistant", "content": "x"}])

    def test_an_error_in_a_stream_is_one(self):
        for client in self.each(max_retries=0):
            stream = client.messages.create(
                model=MODEL, max_tokens=9, messages=ASK, stream=True, extra_headers={"x-sim-fault": "in-stream:3"}
            )
            with self.assertRaises(anthropic.APIStatusError) as caught:
                list(stream)
            self.assertEqual(caught.exception.body["error"]["type"], "overloaded_error")


if __name__ == "__main__":
    unittest.main(verbosity=0)
