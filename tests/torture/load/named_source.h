// A producer that keeps its name over kills: its source is the numbers from 1 on, its topic must hold each of
// them once. Ends when it is told to, and when another one has taken its name.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "torture/load/history_writer.h"

namespace forebay::torture {

struct NamedSourceOptions {
  std::string run;
  std::vector<std::string> servers;
  std::string name;
  std::uint32_t number = 0;  // of its values
  std::string topic;
  std::uint32_t partitions = 1;
  double rate = 100;
  std::size_t value_bytes = 120;
};

// Until one of `signals`, which are blocked. Errors: what no second try mends.
[[nodiscard]] Result<void> run_named_source(const NamedSourceOptions& options, HistoryWriter& history,
                                            const sigset_t& signals);

}  // namespace forebay::torture
