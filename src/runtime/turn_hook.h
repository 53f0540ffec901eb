// Work at the end of every turn of a shard's loop.
#pragma once

namespace forebay::runtime {

class Shard;

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

// On the shard's thread, or before its start; removed before the hook dies (or after the shard has stopped).
void add_turn_hook(Shard& shard, TurnHook& hook);
void remove_turn_hook(Shard& shard, TurnHook& hook);

}  // namespace forebay::runtime
