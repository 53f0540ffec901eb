// The inside of a Shard, for .cc files that watch descriptors or sockets on its thread (io, peer transport,
// http). Never include it from a header: it brings Asio.
#pragma once

#include <asio/io_context.hpp>

#include "runtime/shard.h"

namespace forebay::runtime {

// Called on the shard's thread at the end of every turn of its loop, before it may sleep: the place to submit
// in one system call what the tasks of the turn have gathered, and to collect what has completed.
class TurnHook {
 public:
  // True when there may be more to do at once: the shard must not sleep yet.
  [[nodiscard]] virtual bool end_of_turn() = 0;
  // Between two tasks of a long turn, so that nothing waits for all of them: the same, without a word on
  // sleeping.
  virtual void between_tasks() = 0;

 protected:
  ~TurnHook() = default;
};

[[nodiscard]] asio::io_context& io_context_of(Shard& shard);
// On the shard's thread, or before its start; removed before the hook dies (or after the shard has stopped).
void add_turn_hook(Shard& shard, TurnHook& hook);
void remove_turn_hook(Shard& shard, TurnHook& hook);

}  // namespace forebay::runtime
