// A member of a consumer group, a process of its own: it writes down what it gets, and marks it as done.
#pragma once

#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "torture/load/history_writer.h"

namespace forebay::torture {

struct GroupMemberOptions {
  std::string run;
  std::vector<std::string> servers;
  std::string name;  // in the history
  std::string group;
  std::string topic;
  bool by_pattern = false;  // subscribes to what is named like the topic
  std::string instance_id;  // empty: not a static member
  std::string assignor;
  std::chrono::milliseconds session_timeout{6'000};
};

// Until one of `signals`, which are blocked; then it leaves. Errors: what ends a membership for good.
[[nodiscard]] Result<void> run_group_member(const GroupMemberOptions& options, HistoryWriter& history,
                                            const sigset_t& signals);

}  // namespace forebay::torture
