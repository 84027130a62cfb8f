// llama.cpp as a process that is measured, through its C API: after a first prompt it says so, then answers "decode DEPTH NEW"
// and "prefill TOKENS", a line each, with the seconds. dist/bench/packed.js builds and starts it.
#include "llama.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int count, char **arguments) {
  if (count != 5) {
    std::fprintf(stderr, "usage: speed MODEL.gguf THREADS CONTEXT LIBRARY_FOLDER\n");
    return 2;
  }
  // As in the other processes: side.ts.
  const int first_prompt = 16, warm_steps = 4;
  llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
  ggml_backend_load_all_from_path(arguments[4]);
  llama_backend_init();
  auto model_params = llama_model_default_params();
  model_params.n_gpu_layers = 0;
  auto *model = llama_model_load_from_file(arguments[1], model_params);
  if (!model) {
    std::fprintf(stderr, "speed: %s: llama.cpp does not load it\n", arguments[1]);
    return 1;
  }
  auto params = llama_context_default_params();
  params.n_ctx = std::atoi(arguments[3]);
  params.n_batch = 2048;
  params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = std::atoi(arguments[2]);
  auto *context = llama_init_from_model(model, params);
  if (!context) {
    std::fprintf(stderr, "speed: %s: llama.cpp makes no context\n", arguments[1]);
    return 1;
  }
  auto *memory = llama_get_memory(context);
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  bool failed = false;
  auto read = [&](int tokens) {
    std::vector<llama_token> ids(tokens);
    for (auto &id : ids) id = std::rand() % vocabulary;
    for (int at = 0; at < tokens; at += 2048)
      failed |= llama_decode(context, llama_batch_get_one(ids.data() + at, std::min(2048, tokens - at))) != 0;
    llama_synchronize(context);
  };
  auto steps = [&](int depth, int tokens) {
    llama_memory_seq_rm(memory, -1, depth, -1);
    for (int i = 0; i < tokens; i++) read(1);
  };
  read(first_prompt);
  std::printf("{\"ready\":true}\n");
  std::fflush(stdout);
  char command[16];
  int first = 0;
  while (!failed && std::scanf("%15s %d", command, &first) == 2) {
    llama_memory_seq_rm(memory, -1, 0, -1);
    double start;
    if (std::strcmp(command, "decode") == 0) {
      int tokens = 0;
      if (std::scanf("%d", &tokens) != 1) return 2;
      read(first);
      steps(first, warm_steps);
      start = seconds();
      steps(first, tokens);
    } else {
      start = seconds();
      read(first);
    }
    if (!failed) std::printf("{\"seconds\":%.6f}\n", seconds() - start);
    std::fflush(stdout);
  }
  if (failed) std::fprintf(stderr, "speed: llama.cpp refuses to decode\n");
  llama_free(context);
  llama_model_free(model);
  return failed ? 1 : 0;
}
