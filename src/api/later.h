// Runs something on one of gRPC's own threads: the way off a shard's thread, and the way to wait.
// Thread rules: any thread may call. The task runs once, also when gRPC shuts down meanwhile.
#pragma once

#include <chrono>

#include "base/unique_function.h"

namespace forebay::api {

void run_later(std::chrono::milliseconds delay, UniqueFunction<void()> task);
inline void run_on_grpc_thread(UniqueFunction<void()> task) {
  run_later(std::chrono::milliseconds(0), std::move(task));
}

}  // namespace forebay::api
