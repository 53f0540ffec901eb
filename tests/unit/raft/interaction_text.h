// What nodes say and hold, for people: the words of the interaction files.
#pragma once

#include <string>

#include "memory_node.h"

namespace forebay::raft::testing {

[[nodiscard]] std::string to_text(Role role);
[[nodiscard]] std::string to_text(const Message& message);
[[nodiscard]] std::string to_text(const MemoryNode::Append& append);
[[nodiscard]] std::string to_text(const MemoryNode::Frame& frame);  // "a(3)": the text and the term
[[nodiscard]] std::string to_text(const MemoryNode::DiskOp& op);
[[nodiscard]] std::string to_text(const log::Membership& membership);
[[nodiscard]] std::string to_text(const log::HardState& state);
// All frames, those that are not durable in brackets.
[[nodiscard]] std::string log_text(const MemoryNode& node);

}  // namespace forebay::raft::testing
