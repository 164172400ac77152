// The official Node SDK against the simulator. Run by tests/clients/run, which says where the listeners are.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const LISTENERS = Object.fromEntries(JSON.parse(process.env.SIM_LISTENERS).listeners.map((l) => [l.name, l.url]));
const ALL = process.env.SIM_SUITE !== "smoke";
const ROUGH = process.env.SIM_ROUGH === "1";
const messages = [{ role: "user", content: "hello world" }];
const model = "gpt-4o";
const refuse = { headers: { "x-sim-refusal": "1" } };

// Every way in which people point the SDK at the service.
function clients(url, more = {}) {
  const apiKey = "key";
  return {
    OpenAI: new OpenAI({ baseURL: `${url}/v1`, apiKey, ...more }),
    AzureOpenAI: new AzureOpenAI({ endpoint: url, apiKey, apiVersion: "2025-04-01-preview", ...more }),
    "OpenAI on Azure v1": new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, ...more }),
  };
}

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

// What `call` gives. Where a scenario has trouble of its own, the next try may fail again, but not all of them.
async function again(call) {
  for (let i = 0; ROUGH && i < 10; i++) {
    try {
      return await call();
    } catch {
      // Tried again.
    }
  }
  return call();
}

const joined = (events, type) => events.filter((e) => e.type === type).map((e) => e.delta).join("");

// A test with every client, at a deployment and through a gateway.
function each(name, run) {
  if (!ALL) return;
  for (const listener of ["one", "gateway"]) {
    for (const [which, client] of Object.entries(clients(LISTENERS[listener]))) {
      test(`${name} (${which} at ${listener})`, () => run(client, which));
    }
  }
}

const City = z.object({ name: z.string(), population: z.number().int(), districts: z.array(z.string()) });
const Trip = z.object({ title: z.string(), stops: z.array(City), budget: z.number().nullable() });

const weather = {
  name: "get_weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
    required: ["city", "unit"],
    additionalProperties: false,
  },
};
const clock = { name: "get_time", strict: false, parameters: { type: "object", properties: {} } };
const tools = [weather, clock].map((f) => ({ type: "function", function: f }));
const flat = [weather, clock].map((f) => ({ type: "function", ...f }));

for (const [listener, url] of Object.entries(LISTENERS)) {
  for (const [which, client] of Object.entries(clients(url))) {
    test(`${which} at ${listener}`, async () => {
      const ask = { model, messages, max_tokens: 5 };
      const whole = await again(() => client.chat.completions.create(ask));
      assert.ok(whole.choices[0].message.content);
      const usage = { stream: true, stream_options: { include_usage: true } };
      const chunks = await again(async () => all(await client.chat.completions.create({ ...ask, ...usage })));
      if (!ROUGH) assert.equal(chunks.at(-1).usage.completion_tokens, 5);
      assert.ok(chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""));
      const input = { model, input: "hello", max_output_tokens: 16 };
      assert.ok((await again(() => client.responses.create(input))).output_text);
      const events = await again(async () => {
        const events = await all(await client.responses.create({ ...input, stream: true }));
        assert.match(events.at(-1).type, /^response\.(completed|incomplete)$/);
        return events;
      });
      assert.equal(joined(events, "response.output_text.delta"), events.at(-1).response.output[0].content[0].text);
    });
  }
}

each("choices, stop and limits", async (client) => {
  const many = await client.chat.completions.create({ model, messages, n: 3 });
  assert.deepEqual(many.choices.map((c) => c.index), [0, 1, 2]);
  const stopped = await client.chat.completions.create({ model, messages, stop: [" network"] });
  assert.ok(stopped.choices[0].message.content.endsWith(" over a"));
  const cut = await client.chat.completions.create({ model, messages, max_completion_tokens: 3 });
  assert.deepEqual([cut.choices[0].finish_reason, cut.usage.completion_tokens], ["length", 3]);
});

each("tools, their results, and tools as a stream", async (client) => {
  const first = await client.chat.completions.create({ model, messages, tools });
  const calls = first.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((c) => c.function.name), ["get_weather", "get_time"]);
  assert.ok(["celsius", "fahrenheit"].includes(JSON.parse(calls[0].function.arguments).unit));
  const results = calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: "fine" }));
  const said = [...messages, first.choices[0].message, ...results];
  const after = await client.chat.completions.create({ model, messages: said, tools });
  assert.ok(after.choices[0].message.content);
  const runner = client.chat.completions.stream({ model, messages, tools });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, "tool_calls");
  assert.ok("city" in JSON.parse(final.choices[0].message.tool_calls[0].function.arguments));
});

each("custom tools, deprecated functions, stored completions", async (client) => {
  const shell = { type: "custom", custom: { name: "shell" } };
  const first = await client.chat.completions.create({ model, messages, tools: [shell] });
  const [call] = first.choices[0].message.tool_calls;
  assert.deepEqual([call.type, call.custom.name], ["custom", "shell"]);
  const functions = [{ name: clock.name, parameters: clock.parameters }];
  const old = await client.chat.completions.create({ model, messages, functions });
  assert.deepEqual([old.choices[0].finish_reason, old.choices[0].message.function_call.name], ["function_call", "get_time"]);
  const made = await client.chat.completions.create({ model, messages, store: true });
  const kept = await client.chat.completions.retrieve(made.id);
  assert.equal(kept.choices[0].message.content, made.choices[0].message.content);
  const said = await all(client.chat.completions.messages.list(made.id));
  assert.deepEqual(said.map((m) => m.content), ["hello world"]);
  await client.chat.completions.update(made.id, { metadata: { a: "1" } });
  const listed = await all(client.chat.completions.list({ metadata: { a: "1" } }));
  assert.ok(listed.some((c) => c.id === made.id));
  await client.chat.completions.delete(made.id);
  await assert.rejects(client.chat.completions.retrieve(made.id), { status: 404 });
  const flatShell = { type: "custom", name: "shell" };
  const response = await client.responses.stream({ model, input: "hello", tools: [flatShell] }).finalResponse();
  assert.equal(response.output[0].type, "custom_tool_call");
  const compacted = await client.responses.compact({ model, input: "hello" });
  assert.equal(compacted.output.at(-1).type, "compaction");
});

each("structured output and refusals", async (client) => {
  const response_format = zodResponseFormat(Trip, "trip");
  const trip = await client.chat.completions.parse({ model, messages, response_format, max_tokens: 4000 });
  Trip.parse(trip.choices[0].message.parsed);
  const refused = await client.chat.completions.parse({ model, messages, response_format }, refuse);
  assert.ok(refused.choices[0].message.refusal);
  const chunks = await all(await client.chat.completions.create({ model, messages, stream: true }, refuse));
  const text = chunks.map((c) => c.choices[0]?.delta.refusal ?? "").join("");
  assert.equal(text, refused.choices[0].message.refusal);
});

each("reasoning", async (client) => {
  const whole = await client.chat.completions.create({ model: "o4-mini", messages, reasoning_effort: "low" });
  assert.equal(whole.usage.completion_tokens_details.reasoning_tokens, 24);
  await assert.rejects(client.chat.completions.create({ model: "o4-mini", messages, max_tokens: 9 }), {
    status: 400,
    code: "unsupported_parameter",
  });
  const ask = { model: "gpt-5", input: "hello", reasoning: { effort: "medium", summary: "auto" } };
  const thought = await client.responses.create(ask);
  assert.deepEqual(thought.output.map((i) => i.type), ["reasoning", "message"]);
  const events = await all(await client.responses.create({ ...ask, stream: true }));
  assert.equal(joined(events, "response.reasoning_summary_text.delta"), thought.output[0].summary[0].text);
});

each("embeddings, completions and models", async (client, which) => {
  const ask = { model: "text-embedding-3-small", input: ["a", "b"] };
  // The SDK asks for base64 unless it is told otherwise.
  const plain = await client.embeddings.create(ask);
  const floats = await client.embeddings.create({ ...ask, encoding_format: "float" });
  assert.equal(plain.data[0].embedding.length, 1536);
  assert.ok(Math.abs(Math.hypot(...plain.data[0].embedding) - 1) < 1e-4);
  plain.data[1].embedding.forEach((x, i) => assert.ok(Math.abs(x - floats.data[1].embedding[i]) < 1e-6));
  const chunks = await all(
    await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "hello", max_tokens: 4, stream: true }),
  );
  assert.ok(chunks.map((c) => c.choices[0]?.text ?? "").join(""), which);
  assert.ok((await all(client.models.list())).some((m) => m.id === "gpt-4o"));
});

each("responses are kept, followed and deleted", async (client) => {
  const first = await client.responses.create({ model, input: "hello world" });
  assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
  const second = await client.responses.create({ model, input: "go on", previous_response_id: first.id });
  assert.ok(second.usage.input_tokens > first.usage.output_tokens);
  const items = await all(client.responses.inputItems.list(first.id));
  assert.deepEqual(items.map((i) => i.content[0].text), ["hello world"]);
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), { status: 404 });
  await assert.rejects(client.responses.create({ model, input: "go on", previous_response_id: first.id }), {
    status: 400,
    code: "previous_response_not_found",
  });
});

each("conversations", async (client) => {
  const made = await client.conversations.create({ metadata: { a: "1" } });
  const first = await client.responses.create({ model, input: "hello world", conversation: made.id });
  assert.equal(first.conversation.id, made.id);
  const items = await all(client.conversations.items.list(made.id, { order: "asc" }));
  assert.deepEqual(items.map((i) => i.content[0].text), ["hello world", first.output_text]);
  assert.equal((await client.conversations.items.retrieve(items[0].id, { conversation_id: made.id })).id, items[0].id);
  await client.conversations.items.delete(items[0].id, { conversation_id: made.id });
  await client.conversations.delete(made.id);
  await assert.rejects(client.conversations.retrieve(made.id), { status: 404 });
});

each("tools and structured output of responses", async (client) => {
  const first = await client.responses.create({ model, input: "hello", tools: flat });
  const calls = first.output.filter((i) => i.type === "function_call");
  assert.deepEqual(calls.map((c) => c.name), ["get_weather", "get_time"]);
  const results = calls.map((c) => ({ type: "function_call_output", call_id: c.call_id, output: "fine" }));
  const after = await client.responses.create({ model, input: results, tools: flat, previous_response_id: first.id });
  assert.ok(after.output_text);
  const trip = await client.responses.parse({ model, input: "hello", text: { format: zodTextFormat(Trip, "trip") } });
  Trip.parse(trip.output_parsed);
  const stream = client.responses.stream({ model, input: "hello", tools: flat });
  const final = await stream.finalResponse();
  assert.deepEqual(final.output.map((i) => i.type), ["function_call", "function_call"]);
});

each("responses in the background", async (client) => {
  let made = await client.responses.create({ model, input: "hello", background: true });
  assert.equal(made.status, "queued");
  while (["queued", "in_progress"].includes(made.status)) made = await client.responses.retrieve(made.id);
  assert.equal(made.status, "completed");
  const reasoning = { effort: "high" };
  const long = await client.responses.create({ model: "gpt-5", input: "hello", background: true, reasoning });
  assert.equal((await client.responses.cancel(long.id)).status, "cancelled");

  const seen = [];
  const stream = await client.responses.create({ model, input: "hello", background: true, stream: true });
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === 7) break;
  }
  const starting_after = seen.at(-1).sequence_number;
  const rest = await all(await client.responses.retrieve(seen[0].response.id, { stream: true, starting_after }));
  const numbers = [...seen, ...rest].map((e) => e.sequence_number);
  assert.deepEqual(numbers, [...numbers.keys()]);
  assert.equal(rest.at(-1).type, "response.completed");
});

each("errors have their classes", async (client) => {
  await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages }), OpenAI.NotFoundError);
  await assert.rejects(
    client.chat.completions.create({ model, messages, no_such_field: 1 }),
    /Unrecognized request argument supplied: no_such_field/,
  );
  await assert.rejects(client.chat.completions.create({ model, messages: [] }), OpenAI.BadRequestError);
});

if (ALL) {
  for (const which of ["OpenAI", "AzureOpenAI"]) {
    test(`a 429 is retried (${which})`, async (t) => {
      const statuses = [];
      const firstTryFails = async (url, init) => {
        const headers = new Headers(init.headers);
        if (headers.get("x-stainless-retry-count") === "0") headers.set("x-sim-fault", "429");
        const response = await fetch(url, { ...init, headers });
        statuses.push(response.status);
        return response;
      };
      const client = clients(LISTENERS.one, { fetch: firstTryFails })[which];
      const whole = await client.chat.completions.create({ model, messages });
      assert.ok(whole.choices[0].message.content);
      if (statuses[0] === 200) return t.skip("this simulator has no faults by header, so no retry can be seen");
      assert.deepEqual(statuses, [429, 200]);
    });
  }
}
