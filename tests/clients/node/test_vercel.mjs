// The Vercel AI SDK against the simulator. Run by tests/clients/libraries, which says where the listeners are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAzure } from "@ai-sdk/azure";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embed, embedMany, generateText, isStepCount, Output, RetryError, streamText, tool } from "ai";
import { z } from "zod";

const LISTENERS = Object.fromEntries(JSON.parse(process.env.SIM_LISTENERS).listeners.map((l) => [l.name, l.url]));
const apiVersion = "2025-04-01-preview";
const prompt = "hello world";

// What sends a request for Azure's own host to the simulator.
const to = (url) => (address, init) => fetch(String(address).replace(/^https:..[^/]*/, url), init);

// Every way in which people point the SDK at the service.
const providers = {
  openai: (url, apiKey = "key") => createOpenAI({ baseURL: `${url}/v1`, apiKey }),
  azure: (url, apiKey = "key") => createAzure({ resourceName: "simulated", apiKey, fetch: to(url) }),
  "azure on a gateway": (url, apiKey = "key") => createAzure({ baseURL: `${url}/openai/v1`, apiKey }),
};
const deployments = {
  "azure by deployment": (url, apiKey = "key") =>
    createAzure({ resourceName: "simulated", apiKey, apiVersion, useDeploymentBasedUrls: true, fetch: to(url) }),
};
const chat = (provider) => (name) => provider.chat(name);
const responses = (provider) => (name) => provider.responses(name);

// A test with each API of each provider, at a deployment and through a gateway.
function each(name, run, apis = { chat, responses }) {
  for (const listener of ["one", "gateway"]) {
    for (const [api, model] of Object.entries(apis)) {
      for (const [which, make] of Object.entries(api === "chat" ? { ...providers, ...deployments } : providers)) {
        // Where options are given and metadata are found; chat of Azure goes by the other's name.
        const key = which === "openai" || api === "chat" ? "openai" : "azure";
        const url = LISTENERS[listener];
        const more = { make: (apiKey) => model(make(url, apiKey)), key, url };
        test(`${name} (${api}, ${which} at ${listener})`, () => run(more.make(), more));
      }
    }
  }
}

// A call that is not tried again.
const ask = (more) => generateText({ prompt, maxRetries: 0, ...more });

async function all(parts) {
  const read = [];
  for await (const part of parts) read.push(part);
  return read;
}

const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `fine in ${city}`,
});
const Trip = z.object({ title: z.string(), stops: z.array(z.string()), budget: z.number().nullable() });

each("text and usage", async (model) => {
  const { text, usage, finishReason, response } = await ask({ model: model("gpt-4o"), system: "Be brief." });
  assert.ok(text);
  assert.equal(finishReason, "stop");
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
  assert.ok(usage.outputTokens > 0 && response.id);
  const cut = await ask({ model: model("gpt-4o"), maxOutputTokens: 16 });
  assert.deepEqual([cut.finishReason, cut.usage.outputTokens], ["length", 16]);
});

each("a stream", async (model) => {
  const result = streamText({ model: model("gpt-4o"), prompt, maxRetries: 0 });
  const parts = await all(result.stream);
  assert.deepEqual(parts.filter((p) => p.type === "error"), []);
  assert.ok(parts.filter((p) => p.type === "text-delta").length > 3);
  assert.equal(parts.at(-1).type, "finish");
  assert.equal(await result.finishReason, "stop");
  assert.ok((await result.usage).outputTokens > 3);
});

each("tools and their results", async (model) => {
  const tools = { weather };
  const result = await ask({ model: model("gpt-4o"), tools, stopWhen: isStepCount(3) });
  assert.deepEqual(result.steps.map((s) => s.finishReason), ["tool-calls", "stop"]);
  assert.match(result.steps[0].toolResults[0].output, /^fine in /);
  assert.ok(result.text);
  const forced = await ask({ model: model("gpt-4o"), tools, toolChoice: { type: "tool", toolName: "weather" } });
  assert.equal(forced.toolCalls[0].toolName, "weather");
});

each("tools in a stream", async (model) => {
  const result = streamText({ model: model("gpt-4o"), prompt, tools: { weather }, stopWhen: isStepCount(3), maxRetries: 0 });
  const parts = await all(result.stream);
  assert.deepEqual(parts.filter((p) => p.type === "error"), []);
  assert.ok(parts.some((p) => p.type === "tool-input-delta"));
  assert.ok(parts.some((p) => p.type === "tool-result" && p.output.startsWith("fine in ")));
  assert.ok(await result.text);
});

each("structured output", async (model) => {
  const output = Output.object({ schema: Trip });
  Trip.parse((await ask({ model: model("gpt-4o"), output })).output);
  const result = streamText({ model: model("gpt-4o"), prompt, output, maxRetries: 0 });
  Trip.parse((await all(result.partialOutputStream)).at(-1));
  const word = await ask({ model: model("gpt-4o"), output: Output.choice({ options: ["fine", "wet"] }) });
  assert.ok(["fine", "wet"].includes(word.output));
});

each("images", async (model) => {
  const data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const content = [{ type: "text", text: "What is this?" }, { type: "file", mediaType: "image/png", data }];
  const { text } = await generateText({ model: model("gpt-4o"), messages: [{ role: "user", content }], maxRetries: 0 });
  assert.ok(text);
});

each("reasoning", async (model, { key }) => {
  const providerOptions = { [key]: { reasoningEffort: "low" } };
  const { usage } = await ask({ model: model("o4-mini"), providerOptions });
  assert.equal(usage.outputTokenDetails.reasoningTokens, 24);
});

each("likelihoods", async (model, { key }) => {
  const { text, finalStep } = await ask({ model: model("gpt-4o"), providerOptions: { [key]: { logprobs: 2 } } });
  const { logprobs } = finalStep.providerMetadata[key];
  assert.equal(logprobs.flat().map((t) => t.token).join(""), text);
});

each(
  "responses that follow each other",
  async (model, { key }) => {
    const first = await ask({ model: model("gpt-4o") });
    const { responseId } = first.finalStep.providerMetadata[key];
    assert.match(responseId, /^resp_/);
    const second = await ask({ model: model("gpt-4o"), providerOptions: { [key]: { previousResponseId: responseId } } });
    assert.ok(second.usage.inputTokens > first.usage.outputTokens);
  },
  { responses },
);

each(
  "a conversation",
  async (model, { key, url }) => {
    const headers = { "api-key": "key", authorization: "Bearer key", "content-type": "application/json" };
    const made = await fetch(`${url}/v1/conversations`, { method: "POST", headers, body: "{}" });
    const providerOptions = { [key]: { conversation: (await made.json()).id } };
    const first = await ask({ model: model("gpt-4o"), providerOptions });
    const second = await ask({ model: model("gpt-4o"), providerOptions });
    assert.ok(second.usage.inputTokens > first.usage.outputTokens);
  },
  { responses },
);

each(
  "a summary of the reasoning",
  async (model, { key }) => {
    const providerOptions = { [key]: { reasoningEffort: "medium", reasoningSummary: "auto" } };
    const whole = await ask({ model: model("gpt-5"), providerOptions });
    assert.ok(whole.reasoningText);
    const result = streamText({ model: model("gpt-5"), prompt, providerOptions, maxRetries: 0 });
    const parts = await all(result.stream);
    const text = parts.filter((p) => p.type === "reasoning-delta").map((p) => p.text).join("");
    assert.equal(text, whole.reasoningText);
  },
  { responses },
);

each("errors have their statuses", async (model, { make }) => {
  const fails = (more, statusCode, code) =>
    assert.rejects(ask(more), (error) => {
      assert.ok(APICallError.isInstance(error), error);
      assert.equal(error.statusCode, statusCode);
      if (code) assert.equal(error.data.error.code, code);
      return true;
    });
  await fails({ model: make("wrong")("gpt-4o") }, 401);
  await fails({ model: model("no-such-model") }, 404);
  await fails({ model: model("gpt-4o:sim-429-retry-none") }, 429);
  await fails({ model: model("gpt-4o:sim-400-filter") }, 400, "content_filter");
  await fails({ model: model("gpt-4o:sim-400-context") }, 400, "context_length_exceeded");
  await fails({ model: model("gpt-4o"), temperature: 9 }, 400);
  await fails({ model: model("gpt-4o:sim-500") }, 500);
  const errors = [];
  const onError = ({ error }) => errors.push(error.statusCode);
  const result = streamText({ model: model("gpt-4o:sim-429-retry-none"), prompt, maxRetries: 0, onError });
  const parts = await all(result.stream);
  assert.ok(parts.some((p) => p.type === "error"));
  assert.deepEqual(errors, [429]);
});

for (const [which, make] of Object.entries({ ...providers, ...deployments })) {
  for (const listener of ["one", "gateway"]) {
    test(`embeddings (${which} at ${listener})`, async () => {
      const model = make(LISTENERS[listener]).embedding("text-embedding-3-small");
      const many = await embedMany({ model, values: ["a", "b"], maxRetries: 0 });
      assert.deepEqual(many.embeddings.map((e) => e.length), [1536, 1536]);
      const one = await embed({ model, value: "a", maxRetries: 0 });
      assert.deepEqual([one.embedding, one.usage.tokens], [many.embeddings[0], 1]);
    });
  }

  const apis = which in deployments ? { chat } : { chat, responses };
  for (const [api, model] of Object.entries(apis)) {
    test(`a 429 is retried (${api}, ${which})`, async () => {
      const statuses = async () => {
        const answer = await fetch(`${LISTENERS.busy}/_sim/ledger?listener=busy`, { headers: { "api-key": "key" } });
        return (await answer.text()).trim().split("\n").filter(Boolean).map((line) => JSON.parse(line).status);
      };
      const before = (await statuses()).length;
      const result = await ask({ model: model(make(LISTENERS.busy))("gpt-4o"), maxRetries: 2 });
      assert.ok(result.text);
      assert.deepEqual((await statuses()).slice(before), [429, 200]);
    });
  }
}

test("tries that never succeed are told as such", async () => {
  const model = chat(providers.openai(LISTENERS.one))("gpt-4o:sim-429-retry-ms");
  await assert.rejects(ask({ model, maxRetries: 1 }), (error) => RetryError.isInstance(error) && error.errors.length === 2);
});
