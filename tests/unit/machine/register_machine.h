// Registers that records add to: a record applied twice, or left out, shows.
#pragma once

#include <charconv>
#include <set>
#include <string>

#include "machine/core/state_machine.h"

namespace forebay::machine {

class RegisterMachine final : public StateMachine {
 public:
  // "NAME": adds one; that of a "bigNAME" is a large entry. "!": is never accepted.
  [[nodiscard]] Result<void> apply(model::Offset offset, ByteSpan record) override {
    if (as_text(record) == "!") return Error{ErrorCode::kCorruptBatch, "a record that cannot be"};
    ++registers_[std::string(as_text(record))];
    changed_.insert(std::string(as_text(record)));
    EXPECT_GT(offset, last_) << "in order, each once";
    last_ = offset;
    return {};
  }
  [[nodiscard]] Changes take_changes() override {
    Changes changes;
    for (const std::string& name : changed_) changes[name] = entry(name, registers_.at(name));
    changed_.clear();
    return changes;
  }
  [[nodiscard]] Entries entries() const override {
    Entries all;
    for (const auto& [name, value] : registers_) all[name] = entry(name, value);
    return all;
  }
  [[nodiscard]] Result<void> load(const Entries& entries) override {
    registers_.clear();
    changed_.clear();
    last_ = model::Offset(-1);
    for (const auto& [name, value] : entries) registers_[name] = std::stoi(value);
    return {};
  }
  [[nodiscard]] const std::map<std::string, int>& registers() const { return registers_; }

 private:
  [[nodiscard]] static std::string entry(const std::string& name, int value) {
    return std::to_string(value) + (name.starts_with("big") ? std::string(60'000, ' ') : "");
  }
  std::map<std::string, int> registers_;
  std::set<std::string> changed_;
  model::Offset last_{-1};
};

}  // namespace forebay::machine
