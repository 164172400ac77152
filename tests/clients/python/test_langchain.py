"""LangChain against the simulator."""

import unittest

import openai
from common import BUSY_MODEL, FILTERED_MODEL, KEY, LISTENERS, LONG_MODEL, VERSION, Case, everywhere, run, when_busy
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, AzureOpenAIEmbeddings, ChatOpenAI, OpenAI, OpenAIEmbeddings
from pydantic import BaseModel, Field


@tool
def get_weather(city: str, days: int = 1) -> str:
    """The weather of a city."""
    return f"fine in {city}"


class Trip(BaseModel):
    """A journey."""

    title: str
    stops: list[str] = Field(description="cities")
    budget: float | None


def plain(url, base="v1"):
    def make(model="gpt-4o", **more):
        return ChatOpenAI(**{"base_url": f"{url}/{base}", "api_key": KEY, "model": model, "max_retries": 0, **more})

    return make


def azure(url):
    def make(model="gpt-4o", **more):
        named = {"azure_endpoint": url, "api_version": VERSION, "azure_deployment": model}
        return AzureChatOpenAI(**{**named, "api_key": KEY, "model": model, "max_retries": 0, **more})

    return make


def azure_v1(url):
    return plain(url, "openai/v1")


def of_responses(way):
    """The same way, over the Responses API."""
    return lambda url: lambda *named, **more: way(url)(*named, use_responses_api=True, **more)


class Chat(Case):
    ways = {"ChatOpenAI": plain, "AzureChatOpenAI": azure, "ChatOpenAI on Azure v1": azure_v1}

    @everywhere
    def test_chat_and_usage(self, make):
        answer = make().invoke([SystemMessage("Be brief."), HumanMessage("hello world")])
        self.assertTrue(answer.content)
        usage = answer.usage_metadata
        self.assertEqual(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])
        self.assertEqual(answer.response_metadata["finish_reason"], "stop")
        cut = make(max_tokens=3).invoke("hello")
        self.assertEqual((cut.response_metadata["finish_reason"], cut.usage_metadata["output_tokens"]), ("length", 3))

    @everywhere
    def test_stream(self, make):
        chunks = list(make(stream_usage=True).stream("hello world"))
        self.assertGreater(len([c for c in chunks if c.content]), 3)
        whole = sum(chunks[1:], chunks[0])
        self.assertTrue(whole.content)
        self.assertGreater(whole.usage_metadata["output_tokens"], 3)
        self.assertEqual(whole.response_metadata["finish_reason"], "stop")

    @everywhere
    def test_stream_asynchronously(self, make):
        async def read(model):
            return [chunk async for chunk in model.astream("hello")]

        self.assertTrue("".join(c.text for c in run(read(make()))))

    @everywhere
    def test_batch(self, make):
        self.assertEqual(len([a for a in make().batch(["one", "two", "three"]) if a.content]), 3)

    @everywhere
    def test_logprobs(self, make):
        answer = make(logprobs=True, top_logprobs=2).invoke("hello")
        tokens = answer.response_metadata["logprobs"]["content"]
        self.assertEqual("".join(t["token"] for t in tokens), answer.content)

    @everywhere
    def test_tools(self, make):
        model = make().bind_tools([get_weather])
        said = [HumanMessage("What is the weather like?")]
        asked = model.invoke(said)
        self.assertEqual([c["name"] for c in asked.tool_calls], ["get_weather"])
        self.assertIsInstance(asked.tool_calls[0]["args"]["city"], str)
        results = [get_weather.invoke(call) for call in asked.tool_calls]
        self.assertIsInstance(results[0], ToolMessage)
        self.assertTrue(model.invoke([*said, asked, *results]).content)

    @everywhere
    def test_tools_as_a_stream(self, make):
        chunks = list(make().bind_tools([get_weather], tool_choice="get_weather").stream("hello"))
        whole = sum(chunks[1:], chunks[0])
        self.assertEqual(whole.tool_calls[0]["name"], "get_weather")
        self.assertIn("city", whole.tool_calls[0]["args"])

    @everywhere
    def test_structured_output(self, make):
        for method in ("json_schema", "function_calling"):
            trip = make().with_structured_output(Trip, method=method).invoke("hello")
            self.assertIsInstance(trip, Trip)
        raw = make().with_structured_output(Trip, method="json_schema", include_raw=True).invoke("hello")
        self.assertIsNone(raw["parsing_error"])

    @everywhere
    def test_an_agent_comes_to_its_end(self, make):
        agent = create_agent(make(), tools=[get_weather], system_prompt="Help.")
        said = agent.invoke({"messages": [{"role": "user", "content": "What is the weather like?"}]})["messages"]
        self.assertEqual([type(m) for m in said], [HumanMessage, AIMessage, ToolMessage, AIMessage])
        self.assertTrue(said[-1].content)

    @everywhere
    def test_images_in_prompts(self, make):
        pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        image = {"type": "image", "base64": pixel, "mime_type": "image/png"}
        said = [HumanMessage([{"type": "text", "text": "What is this?"}, image])]
        self.assertTrue(make().invoke(said).content)

    @everywhere
    def test_reasoning(self, make):
        answer = make("o4-mini", reasoning_effort="low").invoke("hello")
        self.assertEqual(answer.usage_metadata["output_token_details"]["reasoning"], 24)


class Responses(Case):
    ways = {name: of_responses(way) for name, way in Chat.ways.items()}

    @everywhere
    def test_responses_follow_each_other(self, make):
        model = make(use_previous_response_id=True)
        first = model.invoke("hello world")
        self.assertTrue(first.text)
        self.assertTrue(first.response_metadata["id"].startswith("resp_"))
        second = model.invoke([HumanMessage("hello world"), first, HumanMessage("go on")])
        self.assertGreater(second.usage_metadata["input_tokens"], first.usage_metadata["output_tokens"])
        explicit = make().invoke("go on", previous_response_id=first.response_metadata["id"])
        self.assertTrue(explicit.text)

    @everywhere
    def test_stream(self, make):
        chunks = list(make().stream("hello world"))
        whole = sum(chunks[1:], chunks[0])
        self.assertTrue(whole.text)
        self.assertGreater(whole.usage_metadata["output_tokens"], 3)
        self.assertEqual(whole.response_metadata["status"], "completed")

    @everywhere
    def test_tools(self, make):
        model = make().bind_tools([get_weather])
        said = [HumanMessage("What is the weather like?")]
        asked = model.invoke(said)
        self.assertEqual([c["name"] for c in asked.tool_calls], ["get_weather"])
        results = [get_weather.invoke(call) for call in asked.tool_calls]
        self.assertTrue(model.invoke([*said, asked, *results]).text)
        chunks = list(model.stream("hello"))
        self.assertIn("city", sum(chunks[1:], chunks[0]).tool_calls[0]["args"])

    @everywhere
    def test_structured_output(self, make):
        trip = make().with_structured_output(Trip, method="json_schema").invoke("hello")
        self.assertIsInstance(trip, Trip)

    @everywhere
    def test_reasoning(self, make):
        answer = make("gpt-5", reasoning={"effort": "medium", "summary": "auto"}).invoke("hello")
        self.assertEqual(answer.usage_metadata["output_token_details"]["reasoning"], 48)
        self.assertTrue([b for b in answer.content_blocks if b["type"] == "reasoning"])

    @everywhere
    def test_an_agent_comes_to_its_end(self, make):
        said = create_agent(make(), tools=[get_weather]).invoke({"messages": [HumanMessage("hello")]})["messages"]
        self.assertTrue(said[-1].text)
        self.assertEqual(len(said), 4)


class Others(Case):
    def test_embeddings(self):
        for listener in ("one", "gateway"):
            url = LISTENERS[listener]
            more = {"api_key": KEY, "check_embedding_ctx_length": False, "max_retries": 0}
            name = "text-embedding-3-small"
            for one in (
                OpenAIEmbeddings(base_url=f"{url}/v1", model=name, **more),
                AzureOpenAIEmbeddings(azure_endpoint=url, azure_deployment=name, model=name, api_version=VERSION, **more),
                OpenAIEmbeddings(base_url=f"{url}/openai/v1", model=name, dimensions=8, **more),
            ):
                vectors = one.embed_documents(["a", "b"])
                self.assertEqual((len(vectors), len(vectors[0])), (2, one.dimensions or 1536))
                self.assertEqual(one.embed_query("a"), vectors[0])

    def test_legacy_completions(self):
        llm = OpenAI(base_url=f"{LISTENERS['one']}/v1", api_key=KEY, model="gpt-3.5-turbo-instruct", max_tokens=6, max_retries=0)
        self.assertTrue(llm.invoke("hello"))
        self.assertTrue("".join(llm.stream("hello")))


class Errors(Case):
    ways = Chat.ways

    @everywhere
    def test_errors_have_their_classes(self, make):
        for responses in (False, True):
            ask = {"use_responses_api": responses}
            with self.assertRaises(openai.AuthenticationError):
                make(**ask, api_key="wrong").invoke("hello")
            with self.assertRaises(openai.NotFoundError):
                make("no-such-model", **ask).invoke("hello")
            with self.assertRaises(openai.RateLimitError):
                make(BUSY_MODEL, **ask).invoke("hello")
            with self.assertRaises(openai.BadRequestError) as caught:
                make(FILTERED_MODEL, **ask).invoke("hello")
            self.assertEqual(caught.exception.code, "content_filter")
            with self.assertRaises(openai.BadRequestError) as caught:
                make(LONG_MODEL, **ask).invoke("hello")
            self.assertEqual(caught.exception.code, "context_length_exceeded")
            with self.assertRaises(openai.BadRequestError):
                make(**ask, temperature=9).invoke("hello")

    @when_busy
    def test_a_429_is_retried(self, make):
        for responses in (False, True):
            model = make(use_responses_api=responses, max_retries=2)
            self.assertTrue(self.assertRetried(lambda: model.invoke("hello")).text)


if __name__ == "__main__":
    unittest.main()
