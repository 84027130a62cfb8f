// Tokens a second of llama.cpp through its C API, by llama-bench's conventions: a warm-up, then the mean of the repetitions.
// Build against the library that node-llama-cpp brings, with the headers of the bundle beside it; docs/bench.md has the commands.
#include "llama.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int count, char **arguments) {
  if (count != 8) {
    std::fprintf(stderr, "usage: speed MODEL.gguf THREADS DEPTH PROMPT NEW REPETITIONS LIBRARY_FOLDER\n");
    return 2;
  }
  const int threads = std::atoi(arguments[2]), depth = std::atoi(arguments[3]);
  const int prompt = std::atoi(arguments[4]), made = std::atoi(arguments[5]), repetitions = std::atoi(arguments[6]);
  llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
  ggml_backend_load_all_from_path(arguments[7]);
  llama_backend_init();
  auto model_params = llama_model_default_params();
  model_params.n_gpu_layers = 0;
  auto *model = llama_model_load_from_file(arguments[1], model_params);
  if (!model) {
    std::fprintf(stderr, "speed: %s: llama.cpp does not load it\n", arguments[1]);
    return 1;
  }
  auto params = llama_context_default_params();
  params.n_ctx = depth + std::max(prompt, made) + 8;
  params.n_batch = 2048;
  params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = threads;
  auto *context = llama_init_from_model(model, params);
  auto *memory = llama_get_memory(context);
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  auto read = [&](int tokens) {
    std::vector<llama_token> ids(tokens);
    for (auto &id : ids) id = std::rand() % vocabulary;
    for (int at = 0; at < tokens; at += 2048)
      llama_decode(context, llama_batch_get_one(ids.data() + at, std::min(2048, tokens - at)));
    llama_synchronize(context);
  };
  if (depth > 0) read(depth);
  auto measure = [&](const char *name, int tokens, bool singly) {
    if (tokens == 0) return;
    double sum = 0, best = 0;
    for (int round = -1; round < repetitions; round++) {
      llama_memory_seq_rm(memory, -1, depth, -1);
      const double start = seconds();
      if (singly) for (int i = 0; i < tokens; i++) read(1);
      else read(tokens);
      const double speed = tokens / (seconds() - start);
      if (round < 0) continue;
      sum += speed;
      best = std::max(best, speed);
    }
    std::printf("%s%d @ d%d  %.2f tokens/s (best %.2f)\n", name, tokens, depth, sum / repetitions, best);
    std::fflush(stdout);
  };
  measure("pp", prompt, false);
  measure("tg", made, true);
}
