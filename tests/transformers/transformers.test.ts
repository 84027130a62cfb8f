import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  InterruptableStoppingCriteria,
  pipeline,
  StoppingCriteria,
  Tensor,
  TextStreamer,
} from "../../src/transformers/index.ts";
import { modelFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const TEMPLATE =
  "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

function chatFolder(): string {
  const folder = modelFolder("llama");
  writeFileSync(path.join(folder, "chat_template.jinja"), TEMPLATE);
  return folder;
}

describe("programs written for transformers.js", { skip: skipWithoutRuntime }, () => {
  test("continue a text with the pipeline", async () => {
    const generator = await pipeline("text-generation", modelFolder("llama"));
    const output = await generator("Once upon a time,", { max_new_tokens: 8 });
    assert.equal(output.length, 1);
    assert.ok(output[0]!.generated_text.startsWith("Once upon a time,"));
    const [again] = await generator("Once upon a time,", { max_new_tokens: 8, return_full_text: false });
    assert.equal(`Once upon a time,${again!.generated_text}`, output[0]!.generated_text);
    await generator.dispose();
  });

  test("answer a chat while the answer is streamed", async () => {
    const generator = await pipeline("text-generation", chatFolder(), { dtype: "q4f16", device: "webgpu" });
    const messages = [
      { role: "system", content: "You are a cat." },
      { role: "user", content: "the dog?" },
    ];
    let shown = "";
    const streamer = new TextStreamer(generator.tokenizer, {
      skip_prompt: true,
      skip_special_tokens: true,
      callback_function: (text) => {
        shown += text;
      },
    });
    const output = await generator(messages, { max_new_tokens: 12, do_sample: false, streamer });
    const answer = output[0]!.generated_text.at(-1)!;
    assert.equal(answer.role, "assistant");
    assert.equal(answer.content, shown);
    assert.deepEqual(output[0]!.generated_text.slice(0, 2), messages);
    await generator.dispose();
  });

  test("take several texts at once", async () => {
    const generator = await pipeline("text-generation", modelFolder("gpt2"));
    const output = await generator(["the cat", "a longer text on the mat"], { max_new_tokens: 4 });
    assert.equal(output.length, 2);
    const [alone] = await generator("the cat", { max_new_tokens: 4 });
    assert.deepEqual(output[0], [alone]);
    await generator.dispose();
  });

  test("load a tokenizer and a model, generate, and decode the batch", async () => {
    const folder = modelFolder("llama");
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    const model = await AutoModelForCausalLM.from_pretrained(folder, { dtype: "fp32" });
    const inputs = tokenizer("the cat sat");
    const outputs = await model.generate({ ...inputs, max_new_tokens: 6 });
    const [rows, length] = outputs.dims;
    assert.equal(rows, 1);
    const prompt = inputs.input_ids.dims.at(-1)!;
    assert.ok(length! > prompt && length! <= prompt + 6);
    assert.ok(tokenizer.batch_decode(outputs, { skip_special_tokens: true })[0]!.startsWith("the cat sat"));
    const added = outputs.slice(null, [prompt, null]);
    assert.deepEqual(added.dims, [1, length! - prompt]);
    assert.equal(tokenizer.decode(outputs[0]!), tokenizer.decode(inputs.input_ids[0]!) + tokenizer.decode(added[0]!));
    await model.dispose();
  });

  test("give a chat's tensors to the model", async () => {
    const folder = chatFolder();
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    const model = await AutoModelForCausalLM.from_pretrained(folder);
    const messages = [{ role: "user", content: "the mat" }];
    const inputs = tokenizer.apply_chat_template(messages, { add_generation_prompt: true, return_dict: true });
    const text = tokenizer.apply_chat_template(messages, { add_generation_prompt: true, tokenize: false });
    assert.equal(text, "<user>the mat\n<assistant>");
    assert.equal(tokenizer.decode(inputs.input_ids), text);
    const outputs = await model.generate({ ...inputs, max_new_tokens: 3 });
    assert.ok(outputs.dims[1]! > inputs.input_ids.dims[1]!);
    await model.dispose();
  });

  test("pad rows on the left, and have equal text alone and padded", async () => {
    const folder = modelFolder("llama");
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    const model = await AutoModelForCausalLM.from_pretrained(folder);
    tokenizer.padding_side = "left";
    const texts = ["the cat sat on the mat", "a dog"];
    await assert.rejects(async () => tokenizer(texts), { code: "BAD_SHAPE" });
    const lists = tokenizer(texts, { return_tensor: false }).input_ids as number[][];
    const length = Math.max(...lists.map((ids) => ids.length));
    const rows = lists.map((ids) => [...new Array<number>(length - ids.length).fill(0), ...ids]);
    const mask = lists.map((ids) => [...new Array<number>(length - ids.length).fill(0), ...ids.map(() => 1)]);
    const both = await model.generate({
      input_ids: rows,
      attention_mask: mask,
      max_new_tokens: 5,
      min_new_tokens: null,
    });
    for (const [i, ids] of lists.entries()) {
      const alone = await model.generate({ input_ids: [ids], max_new_tokens: 5 });
      const made = alone.slice(0, [ids.length, null]).tolist() as bigint[];
      assert.deepEqual((both.slice(i, [length, null]).tolist() as bigint[]).slice(0, made.length), made);
    }
    await model.dispose();
  });

  test("search with beams, and draw several texts of each row", async () => {
    const model = await AutoModelForCausalLM.from_pretrained(modelFolder("llama", { scale: 3 }));
    const input_ids = [
      [1, 2, 3],
      [7, 8, 9],
    ];
    const beams = { num_beams: 3, num_return_sequences: 2, early_stopping: true, max_new_tokens: 5, min_new_tokens: 5 };
    const searched = await model.generate({ input_ids, ...beams });
    assert.deepEqual(searched.dims, [4, 8]);
    const { sequences } = await model.model.generate([7, 8, 9], {
      numBeams: 3,
      numReturnSequences: 2,
      earlyStopping: true,
      maxNewTokens: 5,
      minNewTokens: 5,
    });
    const rows = (searched.tolist() as bigint[][]).map((row) => row.map(Number));
    assert.deepEqual(
      rows.slice(2),
      sequences!.map(({ ids }) => [7, 8, 9, ...ids]),
    );
    const drawn = await model.generate({ input_ids, do_sample: true, num_return_sequences: 3, max_new_tokens: 4 });
    assert.equal(drawn.dims[0], 6);
    await assert.rejects(model.generate({ input_ids, temperature: 2, num_return_sequences: 3 }), {
      code: "BAD_OPTION",
    });
    await model.dispose();
  });

  test("stop by rules of their own and from outside", async () => {
    const generator = await pipeline("text-generation", modelFolder("llama"));
    class AfterTwo extends StoppingCriteria {
      readonly start: number;
      constructor(start: number) {
        super();
        this.start = start;
      }
      _call(ids: number[][]) {
        return ids.map((row) => row.length >= this.start + 2);
      }
    }
    const { tokenizer, model } = generator;
    const inputs = tokenizer("the cat");
    const start = inputs.input_ids.dims[1]!;
    const made = await model.generate({ ...inputs, max_new_tokens: 9, stopping_criteria: new AfterTwo(start) });
    assert.equal(made.dims[1], start + 2);
    const stop = new InterruptableStoppingCriteria();
    stop.interrupt();
    const none = await model.generate({ ...inputs, max_new_tokens: 9, stopping_criteria: [stop] });
    assert.equal(none.dims[1], start + 1);
    await generator.dispose();
  });

  test("are told by name what is not there", async () => {
    const folder = modelFolder("llama");
    await assert.rejects(pipeline("translation" as never, folder), { code: "UNSUPPORTED", message: /translation/ });
    await assert.rejects(AutoModelForCausalLM.from_pretrained(folder, { dtype: "int3" }), {
      message: /dtype: got "int3"/,
    });
    const model = await AutoModelForCausalLM.from_pretrained(folder);
    const ask = (more: object) => model.generate({ input_ids: [[1, 2]], ...more });
    await assert.rejects(ask({ max_new_token: 3 }), { code: "BAD_OPTION", message: /Did you mean max_new_tokens/ });
    await assert.rejects(ask({ penalty_alpha: 0.6 }), { code: "UNSUPPORTED", message: /penalty_alpha/ });
    await assert.rejects(model.generate({ max_new_tokens: 3 }), { code: "BAD_OPTION", message: /input_ids/ });
    await model.dispose();
  });
});

test("tensors are indexed, sliced and listed", () => {
  const tensor = new Tensor("int64", [1n, 2n, 3n, 4n, 5n, 6n], [2, 3]);
  assert.deepEqual(tensor.tolist(), [
    [1n, 2n, 3n],
    [4n, 5n, 6n],
  ]);
  assert.deepEqual(tensor[1]!.tolist(), [4n, 5n, 6n]);
  assert.equal(tensor[2], undefined);
  assert.deepEqual(tensor.slice(null, [-2, null]).tolist(), [
    [2n, 3n],
    [5n, 6n],
  ]);
  assert.deepEqual(tensor.slice([1, 2]).tolist(), [[4n, 5n, 6n]]);
  assert.throws(() => tensor.slice(2), { code: "BAD_SHAPE" });
  assert.throws(() => new Tensor("int64", [1n], [2]), { code: "BAD_SHAPE" });
});
