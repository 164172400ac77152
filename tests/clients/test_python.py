"""The official Python SDK against the simulator. Run by tests/clients/run, which says where the listeners are."""

import json
import math
import os
import sys
import time
import unittest
import urllib.request

import openai
from openai import AzureOpenAI, OpenAI
from pydantic import BaseModel

from rough import ROUGH, Unfinished, again

LISTENERS = {one["name"]: one["url"] for one in json.loads(os.environ["SIM_LISTENERS"])["listeners"]}
SUITE = os.environ.get("SIM_SUITE", "all")
KEY = "key"
VERSION = "2025-04-01-preview"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ASK = [{"role": "user", "content": "hello world"}]


def clients(url, **more):
    """Every way in which people point the SDK at the service."""
    return {
        "OpenAI": OpenAI(base_url=f"{url}/v1", api_key=KEY, **more),
        "AzureOpenAI": AzureOpenAI(azure_endpoint=url, api_key=KEY, api_version=VERSION, **more),
        "OpenAI on Azure v1": OpenAI(base_url=f"{url}/openai/v1", api_key=KEY, **more),
    }


def streamed(stream):
    """The chunks of a stream, its text and its usage."""
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    usage = [c.usage for c in chunks if getattr(c, "usage", None)]
    return chunks, text, usage[-1] if usage else None


def whole_response(stream):
    """The events of a response that came to its end."""
    events = list(stream)
    last = events[-1].type if events else None
    if last not in ("response.completed", "response.incomplete"):
        raise Unfinished(f"the last event was {last}")
    return events


class City(BaseModel):
    name: str
    population: int
    districts: list[str]


class Trip(BaseModel):
    title: str
    stops: list[City]
    budget: float | None


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
FLAT = [{"type": "function", "strict": True, **WEATHER["function"]}, {"type": "function", "strict": False, **CLOCK["function"]}]


class Smoke(unittest.TestCase):
    """Every listener answers every client, in both APIs, as a stream and not."""

    def test_every_listener(self):
        for listener, url in LISTENERS.items():
            for name, client in clients(url).items():
                with self.subTest(listener=listener, client=name):
                    ask = {"model": "gpt-4o", "messages": ASK, "max_tokens": 5}
                    whole = again(lambda: client.chat.completions.create(**ask), openai.APIError)
                    self.assertTrue(whole.choices[0].message.content)
                    more = {"stream": True, "stream_options": {"include_usage": True}}
                    _, text, usage = again(lambda: streamed(client.chat.completions.create(**ask, **more)), openai.APIError)
                    self.assertTrue(text)
                    if not ROUGH:
                        self.assertEqual(usage.completion_tokens, 5)
                    ask = {"model": "gpt-4o", "input": "hello", "max_output_tokens": 16}
                    response = again(lambda: client.responses.create(**ask), openai.APIError)
                    self.assertTrue(response.output_text)
                    events = again(lambda: whole_response(client.responses.create(**ask, stream=True)), openai.APIError)
                    deltas = "".join(e.delta for e in events if e.type == "response.output_text.delta")
                    self.assertEqual(deltas, events[-1].response.output_text)


class Every(unittest.TestCase):
    """Runs a test with every client, at a deployment and through a gateway."""

    def each(self, listeners=("one", "gateway"), **more):
        for listener in listeners:
            for name, client in clients(LISTENERS[listener], **more).items():
                with self.subTest(listener=listener, client=name):
                    yield client


class Chat(Every):
    def test_choices_interleave_and_add_up(self):
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, n=3)
            self.assertEqual([c.index for c in whole.choices], [0, 1, 2])
            self.assertEqual(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
            stream = client.chat.completions.create(model="gpt-4o", messages=ASK, n=3, stream=True)
            finished = [c.choices[0].index for c in stream if c.choices and c.choices[0].finish_reason]
            self.assertEqual(sorted(finished), [0, 1, 2])

    def test_stop_and_limits(self):
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, stop=[" network"])
            self.assertEqual(whole.choices[0].finish_reason, "stop")
            self.assertTrue(whole.choices[0].message.content.endswith(" over a"))
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, max_completion_tokens=3)
            self.assertEqual((whole.choices[0].finish_reason, whole.usage.completion_tokens), ("length", 3))

    def test_logprobs(self):
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, logprobs=True, top_logprobs=2)
            tokens = whole.choices[0].logprobs.content
            self.assertEqual("".join(t.token for t in tokens), whole.choices[0].message.content)
            self.assertTrue(all(len(t.top_logprobs) == 2 for t in tokens))

    def test_a_seed_repeats_itself(self):
        for client in self.each():
            one, two = (client.chat.completions.create(model="gpt-4o", messages=ASK, seed=7, max_tokens=3) for _ in "ab")
            self.assertEqual(one.choices[0].message.content, two.choices[0].message.content)

    def test_tools(self):
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, tools=[WEATHER, CLOCK])
            calls = whole.choices[0].message.tool_calls
            self.assertEqual(whole.choices[0].finish_reason, "tool_calls")
            self.assertEqual([c.function.name for c in calls], ["get_weather", "get_time"])
            self.assertIn(json.loads(calls[0].function.arguments)["unit"], ("celsius", "fahrenheit"))
            answers = [{"role": "tool", "tool_call_id": c.id, "content": "fine"} for c in calls]
            said = ASK + [whole.choices[0].message.to_dict()] + answers
            after = client.chat.completions.create(model="gpt-4o", messages=said, tools=[WEATHER, CLOCK])
            self.assertTrue(after.choices[0].message.content)
            named = {"type": "function", "function": {"name": "get_time"}}
            one = client.chat.completions.create(model="gpt-4o", messages=ASK, tools=[WEATHER, CLOCK], tool_choice=named)
            self.assertEqual([c.function.name for c in one.choices[0].message.tool_calls], ["get_time"])
            none = client.chat.completions.create(model="gpt-4o", messages=ASK, tools=[WEATHER], tool_choice="none")
            self.assertIsNone(none.choices[0].message.tool_calls)

    def test_tools_as_a_stream(self):
        for client in self.each():
            with client.chat.completions.stream(model="gpt-4o", messages=ASK, tools=[WEATHER, CLOCK]) as stream:
                done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
            self.assertEqual([e.name for e in done], ["get_weather", "get_time"])
            self.assertIn("city", json.loads(done[0].arguments))
            final = stream.get_final_completion()
            self.assertEqual(final.choices[0].finish_reason, "tool_calls")

    def test_custom_tools_and_deprecated_functions(self):
        shell = {"type": "custom", "custom": {"name": "shell", "description": "d"}}
        functions = [WEATHER["function"] | {"strict": None}]
        functions = [{key: value for key, value in functions[0].items() if key != "strict"}]
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, tools=[shell])
            call = whole.choices[0].message.tool_calls[0]
            self.assertEqual((call.type, call.custom.name), ("custom", "shell"))
            self.assertTrue(call.custom.input)
            said = ASK + [whole.choices[0].message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "ok"}]
            after = client.chat.completions.create(model="gpt-4o", messages=said, tools=[shell])
            self.assertTrue(after.choices[0].message.content)
            old = client.chat.completions.create(model="gpt-4o", messages=ASK, functions=functions)
            self.assertEqual(old.choices[0].finish_reason, "function_call")
            self.assertEqual(old.choices[0].message.function_call.name, "get_weather")
            stream = client.chat.completions.create(model="gpt-4o", messages=ASK, functions=functions, stream=True)
            calls = [c.choices[0].delta.function_call for c in stream if c.choices and c.choices[0].delta.function_call]
            self.assertEqual(calls[0].name, "get_weather")
            self.assertIn("city", json.loads("".join(c.arguments for c in calls)))

    def test_stored_completions(self):
        for client in self.each():
            made = client.chat.completions.create(model="gpt-4o", messages=ASK, store=True, metadata={"a": str(id(client))})
            again = client.chat.completions.retrieve(made.id)
            self.assertEqual(again.choices[0].message.content, made.choices[0].message.content)
            said = list(client.chat.completions.messages.list(made.id))
            self.assertEqual([(m.id, m.content) for m in said], [(f"{made.id}-0", "hello world")])
            listed = [c.id for c in client.chat.completions.list(metadata={"a": str(id(client))}, limit=1)]
            self.assertEqual(listed, [made.id])
            client.chat.completions.update(made.id, metadata={"b": "2"})
            self.assertEqual(client.chat.completions.retrieve(made.id).metadata, {"b": "2"})
            self.assertTrue(client.chat.completions.delete(made.id).deleted)
            with self.assertRaises(openai.NotFoundError):
                client.chat.completions.retrieve(made.id)

    def test_a_filtered_answer(self):
        filtered = {"x-sim-filtered": "1"}
        for client in self.each():
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK, extra_headers=filtered)
            self.assertEqual(whole.choices[0].finish_reason, "content_filter")
            response = client.responses.create(model="gpt-4o", input="hello", extra_headers=filtered)
            self.assertEqual((response.status, response.incomplete_details.reason), ("incomplete", "content_filter"))

    def test_structured_output(self):
        for client in self.each():
            trip = client.chat.completions.parse(model="gpt-4o", messages=ASK, response_format=Trip, max_tokens=4000)
            self.assertIsInstance(trip.choices[0].message.parsed, Trip)
            with client.chat.completions.stream(model="gpt-4o", messages=ASK, response_format=Trip) as stream:
                list(stream)
            self.assertIsInstance(stream.get_final_completion().choices[0].message.parsed, Trip)
            free = client.chat.completions.create(model="gpt-4o", messages=ASK, response_format={"type": "json_object"})
            self.assertIsInstance(json.loads(free.choices[0].message.content), dict)
            with self.assertRaises(openai.LengthFinishReasonError):
                client.chat.completions.parse(model="gpt-4o", messages=ASK, response_format=Trip, max_tokens=2)

    def test_refusals(self):
        refuse = {"x-sim-refusal": "1"}
        for client in self.each():
            whole = client.chat.completions.parse(model="gpt-4o", messages=ASK, response_format=Trip, extra_headers=refuse)
            self.assertTrue(whole.choices[0].message.refusal)
            self.assertIsNone(whole.choices[0].message.parsed)
            with client.chat.completions.stream(model="gpt-4o", messages=ASK, extra_headers=refuse) as stream:
                done = [e for e in stream if e.type == "refusal.done"]
            self.assertEqual(done[0].refusal, whole.choices[0].message.refusal)

    def test_reasoning(self):
        for client in self.each():
            whole = client.chat.completions.create(model="o4-mini", messages=ASK, reasoning_effort="low")
            details = whole.usage.completion_tokens_details
            self.assertEqual(details.reasoning_tokens, 24)
            self.assertGreater(whole.usage.completion_tokens, 24)
            with self.assertRaises(openai.BadRequestError) as caught:
                client.chat.completions.create(model="o4-mini", messages=ASK, max_tokens=10)
            self.assertEqual(caught.exception.code, "unsupported_parameter")
            only = client.chat.completions.create(model="o4-mini", messages=ASK, max_completion_tokens=10)
            self.assertEqual((only.choices[0].finish_reason, only.choices[0].message.content), ("length", ""))

    def test_legacy_completions(self):
        for client in self.each():
            whole = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello world", max_tokens=4, echo=True)
            self.assertTrue(whole.choices[0].text.startswith("hello world"))
            self.assertEqual((whole.usage.prompt_tokens, whole.usage.completion_tokens), (2, 4))
            stream = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello", max_tokens=4, stream=True)
            text = "".join(c.choices[0].text for c in stream if c.choices)
            self.assertTrue(text)

    def test_embeddings(self):
        for client in self.each():
            # The SDK asks for base64 unless it is told otherwise.
            plain = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
            floats = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
            self.assertEqual(len(plain.data), 2)
            for one, other in zip(plain.data, floats.data):
                self.assertEqual(len(one.embedding), 1536)
                self.assertAlmostEqual(math.hypot(*one.embedding), 1.0, places=4)
                self.assertTrue(all(abs(x - y) < 1e-6 for x, y in zip(one.embedding, other.embedding)))
            short = client.embeddings.create(model="text-embedding-3-large", input=[1, 2, 3], dimensions=8)
            self.assertEqual((len(short.data[0].embedding), short.usage.prompt_tokens), (8, 3))

    def test_models(self):
        for client in self.each():
            self.assertIn("gpt-4o", [m.id for m in client.models.list()])
        one = clients(LISTENERS["one"])["OpenAI"]
        self.assertEqual(one.models.retrieve("gpt-4o").id, "gpt-4o")

    def test_azure_annotates(self):
        azure = clients(LISTENERS["one"])["AzureOpenAI"]
        chunks = list(azure.chat.completions.create(model="gpt-4o", messages=ASK, stream=True))
        self.assertEqual((chunks[0].choices, chunks[0].id), ([], ""))
        self.assertIn("hate", chunks[0].model_extra["prompt_filter_results"][0]["content_filter_results"])
        self.assertIn("hate", chunks[3].choices[0].model_extra["content_filter_results"])
        whole = azure.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASK)
        self.assertEqual(whole.headers["x-ms-region"], "swedencentral")
        self.assertEqual(whole.headers["x-ms-deployment-name"], "gpt-4o")
        response = azure.responses.create(model="gpt-4o", input="hello")
        self.assertEqual(response.model, "gpt-4o")
        self.assertEqual({f["source_type"] for f in response.model_extra["content_filters"]}, {"prompt", "completion"})


class Responses(Every):
    def test_custom_tools(self):
        shell = {"type": "custom", "name": "shell", "description": "d"}
        for client in self.each():
            first = client.responses.create(model="gpt-4o", input="hello", tools=[shell])
            call = first.output[0]
            self.assertEqual((call.type, call.name), ("custom_tool_call", "shell"))
            events = whole_response(client.responses.create(model="gpt-4o", input="hello", tools=[shell], stream=True))
            deltas = "".join(e.delta for e in events if e.type == "response.custom_tool_call_input.delta")
            self.assertEqual(deltas, events[-1].response.output[0].input)
            output = [{"type": "custom_tool_call_output", "call_id": call.call_id, "output": "ok"}]
            more = {"tools": [shell], "previous_response_id": first.id}
            self.assertTrue(client.responses.create(model="gpt-4o", input=output, **more).output_text)

    def test_compact_and_count(self):
        for client in self.each():
            first = client.responses.create(model="gpt-4o", input="hello world")
            made = client.responses.compact(model="gpt-4o", input="go on", previous_response_id=first.id)
            self.assertEqual((made.object, made.output[-1].type), ("response.compaction", "compaction"))
            counted = client.responses.input_tokens.count(model="gpt-4o", input=[o.to_dict() for o in made.output])
            again = client.responses.create(model="gpt-4o", input=[o.to_dict() for o in made.output])
            self.assertEqual(counted.input_tokens, again.usage.input_tokens)
            self.assertGreater(counted.input_tokens, made.usage.output_tokens)

    def test_create_read_follow_delete(self):
        for client in self.each():
            first = client.responses.create(model="gpt-4o", input="hello world", instructions="Be brief.")
            self.assertEqual((first.status, first.object), ("completed", "response"))
            again = client.responses.retrieve(first.id)
            self.assertEqual(again.output_text, first.output_text)
            second = client.responses.create(model="gpt-4o", input="go on", previous_response_id=first.id)
            self.assertEqual(second.previous_response_id, first.id)
            self.assertGreater(second.usage.input_tokens, first.usage.output_tokens)
            items = client.responses.input_items.list(first.id)
            self.assertEqual([i.content[0].text for i in items], ["hello world"])
            client.responses.delete(first.id)
            with self.assertRaises(openai.NotFoundError):
                client.responses.retrieve(first.id)
            with self.assertRaises(openai.BadRequestError) as caught:
                client.responses.create(model="gpt-4o", input="go on", previous_response_id=first.id)
            self.assertEqual(caught.exception.code, "previous_response_not_found")

    def test_input_items_come_in_pages(self):
        client = clients(LISTENERS["one"])["OpenAI"]
        items = [{"role": "user", "content": str(i)} for i in range(7)]
        made = client.responses.create(model="gpt-4o", input=items)
        for order in ("asc", "desc"):
            listed = client.responses.input_items.list(made.id, limit=3, order=order)
            texts = [i.content[0].text for i in listed]
            self.assertEqual(texts, [str(i) for i in (range(7) if order == "asc" else reversed(range(7)))])

    def test_every_kind_of_input_is_listed(self):
        call = {"call_id": "call_1", "name": "get_time"}
        own = {"call_id": "call_2", "name": "shell"}
        items = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "hello"},
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}, {"type": "input_image", "image_url": PIXEL}]},
            {"role": "assistant", "content": "hello"},
            {"type": "function_call", "arguments": "{}", **call},
            {"type": "function_call_output", "call_id": call["call_id"], "output": "fine"},
            {"type": "custom_tool_call", "input": "ls", **own},
            {"type": "custom_tool_call_output", "call_id": own["call_id"], "output": "fine"},
        ]
        kinds = ["message"] * 4 + [item["type"] for item in items[4:]]
        for client in self.each():
            made = client.responses.create(model="gpt-4o", input=items)
            self.assertEqual([item.type for item in client.responses.input_items.list(made.id, order="asc")], kinds)
            kept = client.conversations.create(items=[{"type": kind, **item} for kind, item in zip(kinds, items)])
            self.assertEqual([item.type for item in client.conversations.items.list(kept.id, order="asc")], kinds)

    def test_the_other_deployment_knows_nothing(self):
        one, other = (clients(LISTENERS[name])["OpenAI"] for name in ("one", "other"))
        first = one.responses.create(model="gpt-4o", input="hello")
        with self.assertRaises(openai.BadRequestError) as caught:
            other.responses.create(model="gpt-4o", input="go on", previous_response_id=first.id)
        self.assertEqual(caught.exception.code, "previous_response_not_found")
        unkept = one.responses.create(model="gpt-4o", input="hello", store=False)
        with self.assertRaises(openai.NotFoundError):
            one.responses.retrieve(unkept.id)

    def test_streams_are_whole(self):
        for client in self.each():
            with client.responses.stream(model="gpt-4o", input="hello") as stream:
                events = list(stream)
            self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
            text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
            self.assertEqual(stream.get_final_response().output_text, text)

    def test_tools(self):
        for client in self.each():
            first = client.responses.create(model="gpt-4o", input="hello", tools=FLAT)
            calls = [i for i in first.output if i.type == "function_call"]
            self.assertEqual([c.name for c in calls], ["get_weather", "get_time"])
            outputs = [{"type": "function_call_output", "call_id": c.call_id, "output": "fine"} for c in calls]
            after = client.responses.create(model="gpt-4o", input=outputs, tools=FLAT, previous_response_id=first.id)
            self.assertTrue(after.output_text)
            with client.responses.stream(model="gpt-4o", input="hello", tools=FLAT, tool_choice="required") as stream:
                events = list(stream)
            done = [e for e in events if e.type == "response.function_call_arguments.done"]
            self.assertEqual(len(done), 2)
            joined = "".join(
                e.delta for e in events if e.type == "response.function_call_arguments.delta" and e.output_index == 0
            )
            self.assertEqual(joined, done[0].arguments)
            self.assertIn("city", json.loads(joined))

    def test_structured_output_and_refusals(self):
        for client in self.each():
            trip = client.responses.parse(model="gpt-4o", input="hello", text_format=Trip)
            self.assertIsInstance(trip.output_parsed, Trip)
            refused = client.responses.create(model="gpt-4o", input="hello", extra_headers={"x-sim-refusal": "1"})
            self.assertEqual(refused.output[0].content[0].type, "refusal")
            stream = client.responses.create(
                model="gpt-4o", input="hello", stream=True, extra_headers={"x-sim-refusal": "1"}
            )
            deltas = "".join(e.delta for e in stream if e.type == "response.refusal.delta")
            self.assertEqual(deltas, refused.output[0].content[0].refusal)

    def test_reasoning_and_limits(self):
        for client in self.each():
            ask = {"model": "gpt-5", "input": "hello", "reasoning": {"effort": "medium", "summary": "auto"}}
            thought = client.responses.create(**ask)
            self.assertEqual([i.type for i in thought.output], ["reasoning", "message"])
            self.assertEqual(thought.usage.output_tokens_details.reasoning_tokens, 48)
            events = list(client.responses.create(**ask, stream=True))
            summary = "".join(e.delta for e in events if e.type == "response.reasoning_summary_text.delta")
            self.assertEqual(summary, thought.output[0].summary[0].text)
            cut = client.responses.create(model="gpt-4o", input="hello", max_output_tokens=16)
            if cut.status == "incomplete":
                self.assertEqual(cut.incomplete_details.reason, "max_output_tokens")
            only = client.responses.create(model="gpt-5", input="hello", max_output_tokens=20)
            self.assertEqual((only.status, [i.type for i in only.output]), ("incomplete", ["reasoning"]))

    def test_background(self):
        for client in self.each():
            made = client.responses.create(model="gpt-4o", input="hello", background=True)
            seen = [made.status]
            while made.status in ("queued", "in_progress"):
                time.sleep(0.005)
                made = client.responses.retrieve(made.id)
                seen.append(made.status)
            self.assertEqual((seen[0], seen[-1]), ("queued", "completed"))
            self.assertTrue(made.output_text)
            with self.assertRaises(openai.BadRequestError):
                client.responses.cancel(made.id)
            long = client.responses.create(model="gpt-5", input="hello", background=True, reasoning={"effort": "high"})
            self.assertEqual(client.responses.cancel(long.id).status, "cancelled")
            self.assertEqual(client.responses.retrieve(long.id).status, "cancelled")

    def test_a_lost_background_stream_is_taken_up_again(self):
        for client in self.each():
            stream = client.responses.create(model="gpt-4o", input="hello", background=True, stream=True)
            seen = []
            for event in stream:
                seen.append(event)
                if len(seen) == 7:
                    break
            stream.close()
            after = seen[-1].sequence_number
            rest = list(client.responses.retrieve(seen[0].response.id, stream=True, starting_after=after))
            numbers = [e.sequence_number for e in seen + rest]
            self.assertEqual(numbers, list(range(len(numbers))))
            self.assertEqual(rest[-1].type, "response.completed")
            text = "".join(e.delta for e in seen + rest if e.type == "response.output_text.delta")
            self.assertEqual(text, rest[-1].response.output_text)


class Conversations(Every):
    def test_a_conversation_is_opened_changed_and_deleted(self):
        for client in self.each():
            made = client.conversations.create(metadata={"a": "1"}, items=[{"type": "message", **ASK[0]}])
            self.assertEqual((made.object, made.metadata), ("conversation", {"a": "1"}))
            self.assertEqual(client.conversations.update(made.id, metadata={"b": "2"}).metadata, {"b": "2"})
            self.assertEqual(client.conversations.retrieve(made.id).metadata, {"b": "2"})
            more = [{"type": "message", "role": "user", "content": str(i)} for i in range(3)]
            added = client.conversations.items.create(made.id, items=more)
            self.assertEqual([item.content[0].text for item in added.data], ["0", "1", "2"])
            listed = list(client.conversations.items.list(made.id, order="asc", limit=2))
            self.assertEqual([item.content[0].text for item in listed], ["hello world", "0", "1", "2"])
            one = client.conversations.items.retrieve(listed[1].id, conversation_id=made.id)
            self.assertEqual(one.content[0].text, "0")
            client.conversations.items.delete(listed[1].id, conversation_id=made.id)
            self.assertEqual(len(list(client.conversations.items.list(made.id))), 3)
            self.assertTrue(client.conversations.delete(made.id).deleted)
            with self.assertRaises(openai.NotFoundError):
                client.conversations.retrieve(made.id)

    def test_responses_are_said_in_a_conversation(self):
        for client in self.each():
            made = client.conversations.create()
            first = client.responses.create(model="gpt-4o", input="hello world", conversation=made.id)
            self.assertEqual(first.conversation.id, made.id)
            ask = {"model": "gpt-4o", "input": "go on", "conversation": {"id": made.id}}
            second = whole_response(client.responses.create(**ask, stream=True))[-1].response
            self.assertGreater(second.usage.input_tokens, first.usage.output_tokens)
            said = [(item.role, item.content[0].text) for item in client.conversations.items.list(made.id, order="asc")]
            answers = [first.output_text, second.output_text]
            self.assertEqual(said, [("user", "hello world"), ("assistant", answers[0]), ("user", "go on"), ("assistant", answers[1])])

    def test_calls_and_their_results_are_said_in_a_conversation(self):
        for client in self.each():
            made = client.conversations.create()
            first = client.responses.create(model="gpt-4o", input="hello", conversation=made.id, tools=FLAT)
            outputs = [{"type": "function_call_output", "call_id": c.call_id, "output": "fine"} for c in first.output]
            client.responses.create(model="gpt-4o", input=outputs, conversation=made.id, tools=FLAT)
            kinds = [item.type for item in client.conversations.items.list(made.id, order="asc")]
            calls = ["function_call"] * 2 + ["function_call_output"] * 2
            self.assertEqual(kinds, ["message", *calls, "message"])

    def test_an_unknown_conversation(self):
        for client in self.each():
            with self.assertRaises(openai.NotFoundError):
                client.responses.create(model="gpt-4o", input="hello", conversation="conv_nobody")


class Errors(Every):
    def test_errors_have_their_classes(self):
        for client in self.each():
            with self.assertRaises(openai.NotFoundError):
                client.chat.completions.create(model="no-such-model", messages=ASK)
            with self.assertRaises(openai.BadRequestError) as caught:
                client.chat.completions.create(model="gpt-4o", messages=ASK, extra_body={"no_such_field": 1})
            self.assertIn("Unrecognized request argument supplied: no_such_field", str(caught.exception))
            with self.assertRaises(openai.BadRequestError):
                client.chat.completions.create(model="gpt-4o", messages=[])
        with self.assertRaises(openai.AuthenticationError):
            OpenAI(base_url=f"{LISTENERS['one']}/v1", api_key="wrong").models.list()
        old = AzureOpenAI(azure_endpoint=LISTENERS["one"], api_key=KEY, api_version="2099-01-01")
        with self.assertRaises(openai.NotFoundError):
            old.chat.completions.create(model="gpt-4o", messages=ASK)

    def test_a_429_is_retried(self):
        def first_try_fails(request):
            if request.headers.get("x-stainless-retry-count") == "0":
                request.headers["x-sim-fault"] = "429"

        for name in ("OpenAI", "AzureOpenAI"):
            tries = []

            def count(response):
                tries.append((response.status_code, response.headers.get("retry-after-ms")))

            hooks = {"request": [first_try_fails], "response": [count]}
            client = clients(LISTENERS["one"], http_client=openai.DefaultHttpx2Client(event_hooks=hooks))[name]
            whole = client.chat.completions.create(model="gpt-4o", messages=ASK)
            self.assertTrue(whole.choices[0].message.content)
            if tries[0][0] == 200:
                self.skipTest("this simulator has no faults by header, so no retry can be seen")
            self.assertEqual([status for status, _ in tries], [429, 200], name)


def ledger(url):
    """The simulator's own record of what it sent."""
    asked = urllib.request.Request(f"{url}/_sim/ledger", headers={"api-key": "key"})
    with urllib.request.urlopen(asked) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


if __name__ == "__main__":
    if SUITE == "smoke":
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(Smoke)
    else:
        suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    if result.wasSuccessful():
        broken = [r for r in ledger(next(iter(LISTENERS.values()))) if r["status"] == 200 and r["fault"] == "upstream_failed"]
        sys.exit(f"the ledger tells of failures: {broken[:3]}" if broken else 0)
    sys.exit(1)
