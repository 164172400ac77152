"""The OpenAI Agents SDK against the simulator."""

import unittest

import openai
from agents import (
    Agent,
    ModelBehaviorError,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    OpenAIProvider,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
    handoff,
    set_tracing_disabled,
)
from common import BUSY_MODEL, FILTERED_MODEL, KEY, LONG_MODEL, VERSION, Case, everywhere, run, when_busy
from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai.types.shared import Reasoning
from pydantic import BaseModel

# Traces go to a service of OpenAI's own.
set_tracing_disabled(True)


class Trip(BaseModel):
    title: str
    stops: list[str]
    budget: float | None


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"fine in {city}"


def with_client(model_class, make_client):
    """A way to the service: from an address to what makes agents."""

    def way(url):
        def make(model="gpt-4o", key=KEY, retries=0, **more):
            client = make_client(url, api_key=key, max_retries=retries)
            return Agent(name="Helper", instructions="Be brief.", model=model_class(model, client), **more)

        return make

    return way


CLIENTS = {
    "AsyncOpenAI": lambda url, **more: AsyncOpenAI(base_url=f"{url}/v1", **more),
    "AsyncAzureOpenAI": lambda url, **more: AsyncAzureOpenAI(azure_endpoint=url, api_version=VERSION, **more),
    "AsyncOpenAI on Azure v1": lambda url, **more: AsyncOpenAI(base_url=f"{url}/openai/v1", **more),
}
CHAT = {f"chat, {name}": with_client(OpenAIChatCompletionsModel, make) for name, make in CLIENTS.items()}
RESPONSES = {f"Responses, {name}": with_client(OpenAIResponsesModel, make) for name, make in CLIENTS.items()}


async def events_of(result):
    return [event async for event in result.stream_events()]


class Both(Case):
    ways = {**CHAT, **RESPONSES}

    @everywhere
    def test_an_agent_answers_and_counts(self, make):
        result = run(Runner.run(make(), "hello world"))
        self.assertTrue(result.final_output)
        usage = result.context_wrapper.usage
        self.assertEqual(usage.requests, 1)
        self.assertEqual(usage.total_tokens, usage.input_tokens + usage.output_tokens)
        self.assertGreater(usage.output_tokens, 0)

    @everywhere
    def test_an_agent_streams(self, make):
        async def read():
            settings = ModelSettings(include_usage=True)
            result = Runner.run_streamed(make(model_settings=settings), "hello world")
            return await events_of(result), result

        events, result = run(read())
        deltas = [e.data.delta for e in events if e.type == "raw_response_event" and e.data.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), result.final_output)
        self.assertGreater(result.context_wrapper.usage.output_tokens, 3)

    @everywhere
    def test_an_agent_uses_its_tool(self, make):
        result = run(Runner.run(make(tools=[get_weather]), "What is the weather like?"))
        kinds = [item.type for item in result.new_items]
        self.assertEqual(kinds, ["tool_call_item", "tool_call_output_item", "message_output_item"])
        self.assertTrue(result.new_items[1].output.startswith("fine in "))
        self.assertEqual(result.context_wrapper.usage.requests, 2)

    @everywhere
    def test_an_agent_uses_its_tool_in_a_stream(self, make):
        async def read():
            result = Runner.run_streamed(make(tools=[get_weather]), "What is the weather like?")
            return await events_of(result), result

        events, result = run(read())
        names = [e.name for e in events if e.type == "run_item_stream_event"]
        self.assertEqual(names, ["tool_called", "tool_output", "message_output_created"])
        self.assertTrue(result.final_output)

    @everywhere
    def test_an_agent_hands_over(self, make):
        other = make()
        other.name = "Other"
        result = run(Runner.run(make(handoffs=[handoff(other)]), "hello"))
        self.assertEqual(result.last_agent.name, "Other")
        self.assertTrue(result.final_output)

    @everywhere
    def test_structured_output(self, make):
        result = run(Runner.run(make(output_type=Trip), "hello"))
        self.assertIsInstance(result.final_output, Trip)

    @everywhere
    def test_a_session_remembers(self, make):
        async def talk():
            session = SQLiteSession("one")
            first = await Runner.run(make(), "hello world", session=session)
            second = await Runner.run(make(), "go on", session=session)
            return [one.context_wrapper.usage.input_tokens for one in (first, second)]

        first, second = run(talk())
        self.assertGreater(second, first)

    @everywhere
    def test_reasoning(self, make):
        settings = ModelSettings(reasoning=Reasoning(effort="low"))
        result = run(Runner.run(make("o4-mini", model_settings=settings), "hello"))
        self.assertEqual(result.context_wrapper.usage.output_tokens_details.reasoning_tokens, 24)

    @everywhere
    def test_errors_have_their_classes(self, make):
        def fails(agent):
            run(Runner.run(agent, "hello"))

        with self.assertRaises(openai.AuthenticationError):
            fails(make(key="wrong"))
        with self.assertRaises(openai.NotFoundError):
            fails(make("no-such-model"))
        with self.assertRaises(openai.RateLimitError):
            fails(make(BUSY_MODEL))
        for model, code in ((FILTERED_MODEL, "content_filter"), (LONG_MODEL, "context_length_exceeded")):
            with self.assertRaises(openai.BadRequestError) as caught:
                fails(make(model))
            self.assertEqual(caught.exception.code, code)

    @when_busy
    def test_a_429_is_retried(self, make):
        result = self.assertRetried(lambda: run(Runner.run(make(retries=2), "hello")))
        self.assertTrue(result.final_output)


class Chat(Case):
    ways = CHAT

    @everywhere
    def test_the_limit_of_tokens(self, make):
        result = run(Runner.run(make(model_settings=ModelSettings(max_tokens=16)), "hello"))
        self.assertEqual(result.context_wrapper.usage.output_tokens, 16)


class Responses(Case):
    ways = RESPONSES

    @everywhere
    def test_an_agent_does_not_take_an_incomplete_answer(self, make):
        with self.assertRaises(ModelBehaviorError) as caught:
            run(Runner.run(make(model_settings=ModelSettings(max_tokens=16)), "hello"))
        self.assertIn("max_output_tokens", str(caught.exception))

    @everywhere
    def test_turns_follow_by_their_identifier(self, make):
        async def talk():
            first = await Runner.run(make(), "hello world")
            return first, await Runner.run(make(), "go on", previous_response_id=first.last_response_id)

        first, second = run(talk())
        self.assertTrue(first.last_response_id.startswith("resp_"))
        self.assertGreater(second.context_wrapper.usage.input_tokens, first.context_wrapper.usage.output_tokens)

    @everywhere
    def test_turns_follow_by_themselves(self, make):
        agent = make(tools=[get_weather])
        result = run(Runner.run(agent, "What is the weather like?", auto_previous_response_id=True))
        self.assertTrue(result.final_output)

    @everywhere
    def test_turns_are_said_in_a_conversation(self, make):
        async def talk():
            agent = make(tools=[get_weather])
            client = agent.model._client
            conversation = await client.conversations.create()
            for said in ("What is the weather like?", "go on"):
                await Runner.run(agent, said, conversation_id=conversation.id)
            return [item.type async for item in client.conversations.items.list(conversation.id, order="asc")]

        turn = ["message", "function_call", "function_call_output", "message"]
        self.assertEqual(run(talk()), turn * 2)

    @everywhere
    def test_a_session_is_a_conversation(self, make):
        async def talk():
            agent = make()
            session = OpenAIConversationsSession(openai_client=agent.model._client)
            for said in ("hello world", "go on"):
                await Runner.run(agent, said, session=session)
            items = await session.get_items()
            await session.clear_session()
            return [item["role"] for item in items]

        self.assertEqual(run(talk()), ["user", "assistant"] * 2)

    @everywhere
    def test_reasoning_is_summed_up(self, make):
        settings = ModelSettings(reasoning=Reasoning(effort="medium", summary="auto"))
        result = run(Runner.run(make("gpt-5", model_settings=settings), "hello"))
        self.assertEqual([item.type for item in result.new_items], ["reasoning_item", "message_output_item"])


class Provider(Case):
    """The provider that finds models by their name."""

    ways = {"OpenAIProvider": lambda url: url}

    @everywhere
    def test_a_model_by_its_name(self, url):
        for responses in (False, True):
            client = AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
            config = RunConfig(model_provider=OpenAIProvider(openai_client=client, use_responses=responses))
            result = run(Runner.run(Agent(name="Plain"), "hello", run_config=config))
            self.assertTrue(result.final_output)


if __name__ == "__main__":
    unittest.main()
