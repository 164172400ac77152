"""LiteLLM against the simulator."""

import json
import unittest

import litellm
from common import BROKEN_MODEL, BUSY_MODEL, FILTERED_MODEL, KEY, LISTENERS, LONG_MODEL, VERSION, Case, everywhere, run, when_busy
from pydantic import BaseModel

ASK = [{"role": "user", "content": "hello world"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TOOLS = [{"type": "function", "function": WEATHER}]


class Trip(BaseModel):
    title: str
    stops: list[str]
    budget: float | None


class Way:
    """One prefix of model names with what it needs to reach a listener."""

    def __init__(self, prefix, base, **more):
        self.prefix = prefix
        self.more = {"api_base": base, "api_key": KEY, "max_retries": 0, **more}

    def named(self, model):
        return f"{self.prefix}/{model}"

    def chat(self, model="gpt-4o", messages=ASK, **more):
        return litellm.completion(model=self.named(model), messages=messages, **{**self.more, **more})

    def respond(self, asked="hello world", model="gpt-4o", **more):
        return litellm.responses(model=self.named(model), input=asked, **{**self.more, **more})


def plain(url):
    return Way("openai", f"{url}/v1")


def azure(url):
    return Way("azure", url, api_version=VERSION)


def azure_v1(url):
    return Way("openai", f"{url}/openai/v1")


class Chat(Case):
    ways = {"openai/": plain, "azure/": azure, "openai/ on Azure v1": azure_v1}

    @everywhere
    def test_chat_and_usage(self, way):
        answer = way.chat()
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        cut = way.chat(max_tokens=3)
        self.assertEqual((cut.choices[0].finish_reason, cut.usage.completion_tokens), ("length", 3))

    @everywhere
    def test_stream(self, way):
        chunks = list(way.chat(stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertTrue(text)
        self.assertGreater(chunks[-1].usage.completion_tokens, 3)
        whole = litellm.stream_chunk_builder(chunks, messages=ASK)
        self.assertEqual((whole.choices[0].message.content, whole.choices[0].finish_reason), (text, "stop"))

    @everywhere
    def test_stream_asynchronously(self, way):
        async def read():
            stream = await litellm.acompletion(model=way.named("gpt-4o"), messages=ASK, stream=True, **way.more)
            return [c.choices[0].delta.content or "" async for c in stream]

        self.assertTrue("".join(run(read())))

    @everywhere
    def test_tools(self, way):
        asked = way.chat(tools=TOOLS).choices[0]
        self.assertEqual(asked.finish_reason, "tool_calls")
        call = asked.message.tool_calls[0]
        self.assertIn("city", json.loads(call.function.arguments))
        result = {"role": "tool", "tool_call_id": call.id, "content": "fine"}
        after = way.chat(messages=[*ASK, asked.message.model_dump(exclude_none=True), result], tools=TOOLS)
        self.assertTrue(after.choices[0].message.content)

    @everywhere
    def test_tools_as_a_stream(self, way):
        choice = {"type": "function", "function": {"name": "get_weather"}}
        chunks = list(way.chat(tools=TOOLS, tool_choice=choice, stream=True))
        call = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn("city", json.loads(call.function.arguments))

    @everywhere
    def test_structured_output(self, way):
        answer = way.chat(response_format=Trip, max_tokens=4000)
        self.assertIsInstance(Trip.model_validate_json(answer.choices[0].message.content), Trip)
        loose = way.chat(messages=[{"role": "user", "content": "as json"}], response_format={"type": "json_object"})
        self.assertIsInstance(json.loads(loose.choices[0].message.content), dict)

    @everywhere
    def test_reasoning(self, way):
        answer = way.chat("o4-mini", reasoning_effort="low")
        self.assertEqual(answer.usage.completion_tokens_details.reasoning_tokens, 24)

    @everywhere
    def test_choices_and_likelihoods(self, way):
        self.assertEqual([c.index for c in way.chat(n=3).choices], [0, 1, 2])
        choice = way.chat(logprobs=True, top_logprobs=2).choices[0]
        self.assertEqual("".join(t["token"] for t in choice.logprobs["content"]), choice.message.content)

    @everywhere
    def test_embeddings(self, way):
        name = way.named("text-embedding-3-small")
        whole = litellm.embedding(model=name, input=["a", "b"], **way.more)
        self.assertEqual((len(whole.data), len(whole.data[0]["embedding"])), (2, 1536))
        short = litellm.embedding(model=name, input=["a"], dimensions=8, **way.more)
        self.assertEqual((len(short.data[0]["embedding"]), short.usage.prompt_tokens), (8, 1))

    @everywhere
    def test_errors_have_their_classes(self, way):
        for stream in (False, True):
            for wrong, model, more in (
                (litellm.AuthenticationError, "gpt-4o", {"api_key": "wrong"}),
                (litellm.NotFoundError, "no-such-model", {}),
                (litellm.RateLimitError, BUSY_MODEL, {}),
                # LiteLLM knows the filter's words only where it knows that it talks to Azure, and there no failed server.
                (litellm.ContentPolicyViolationError if way.prefix == "azure" else litellm.BadRequestError, FILTERED_MODEL, {}),
                (litellm.ContextWindowExceededError, LONG_MODEL, {}),
                (litellm.APIError if way.prefix == "azure" else litellm.InternalServerError, BROKEN_MODEL, {}),
                (litellm.BadRequestError, "gpt-4o", {"temperature": 9}),
            ):
                with self.subTest(wrong=wrong.__name__, stream=stream), self.assertRaises(wrong):
                    way.chat(model, stream=stream, **more)

    @when_busy
    def test_a_429_is_retried(self, way):
        answer = self.assertRetried(lambda: way.chat(max_retries=2))
        self.assertTrue(answer.choices[0].message.content)
        answer = self.assertRetried(lambda: way.chat(num_retries=2))
        self.assertTrue(answer.choices[0].message.content)


class Responses(Case):
    ways = Chat.ways

    @everywhere
    def test_responses_follow_each_other(self, way):
        first = way.respond()
        self.assertEqual(first.status, "completed")
        second = way.respond("go on", previous_response_id=first.id)
        self.assertTrue(second.output[0].content[0].text)
        self.assertGreater(second.usage.input_tokens, first.usage.output_tokens)

    @everywhere
    def test_stream(self, way):
        events = list(way.respond(stream=True))
        deltas = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.output[0].content[0].text, deltas)

    @everywhere
    def test_tools(self, way):
        tools = [{"type": "function", **WEATHER}]
        first = way.respond(tools=tools)
        call = first.output[0]
        self.assertEqual((call.type, call.name), ("function_call", "get_weather"))
        result = [{"type": "function_call_output", "call_id": call.call_id, "output": "fine"}]
        after = way.respond(result, tools=tools, previous_response_id=first.id)
        self.assertTrue(after.output[0].content[0].text)

    @everywhere
    def test_structured_output(self, way):
        answer = way.respond(text_format=Trip)
        self.assertIsInstance(Trip.model_validate_json(answer.output[0].content[0].text), Trip)

    @everywhere
    def test_reasoning(self, way):
        answer = way.respond(model="gpt-5", reasoning={"effort": "medium", "summary": "auto"})
        self.assertEqual([item.type for item in answer.output], ["reasoning", "message"])
        self.assertEqual(answer.usage.output_tokens_details.reasoning_tokens, 48)

    @everywhere
    def test_what_is_kept_is_read_and_deleted(self, way):
        kept = {key: value for key, value in way.more.items() if key != "max_retries"} | {"custom_llm_provider": way.prefix}
        first = way.respond()
        again = litellm.get_responses(response_id=first.id, **kept)
        self.assertEqual(again.output[0].content[0].text, first.output[0].content[0].text)
        items = litellm.list_input_items(response_id=first.id, **kept)
        self.assertEqual([item["content"][0]["text"] for item in items["data"]], ["hello world"])
        self.assertTrue(litellm.delete_responses(response_id=first.id, **kept).deleted)

    @everywhere
    def test_errors_have_their_classes(self, way):
        for wrong, model, more in (
            (litellm.AuthenticationError, "gpt-4o", {"api_key": "wrong"}),
            (litellm.NotFoundError, "no-such-model", {}),
            (litellm.RateLimitError, BUSY_MODEL, {}),
            (litellm.ContextWindowExceededError, LONG_MODEL, {}),
            (litellm.BadRequestError, "gpt-4o", {"previous_response_id": "resp_nobody"}),
        ):
            with self.subTest(wrong=wrong.__name__), self.assertRaises(wrong):
                way.respond("hello", model, **more)


class Others(Case):
    def test_legacy_completions(self):
        for name, base in (("text-completion-openai", "v1"), ("text-completion-openai", "openai/v1")):
            ask = {"api_base": f"{LISTENERS['one']}/{base}", "api_key": KEY, "prompt": "hello", "max_tokens": 6}
            whole = litellm.text_completion(model=f"{name}/gpt-3.5-turbo-instruct", **ask)
            self.assertEqual(whole.usage.completion_tokens, 6)
            chunks = list(litellm.text_completion(model=f"{name}/gpt-3.5-turbo-instruct", stream=True, **ask))
            self.assertTrue("".join(c.choices[0].text or "" for c in chunks))

    def test_a_router_falls_back(self):
        at = {"api_base": f"{LISTENERS['one']}/v1", "api_key": KEY, "max_retries": 0}
        models = [
            {"model_name": name, "litellm_params": {"model": f"openai/{model}", **at}}
            for name, model in (("first", BUSY_MODEL), ("second", "gpt-4o"))
        ]
        router = litellm.Router(model_list=models, fallbacks=[{"first": ["second"]}], num_retries=0)
        self.assertEqual(router.completion(model="first", messages=ASK).choices[0].finish_reason, "stop")


if __name__ == "__main__":
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    unittest.main()
