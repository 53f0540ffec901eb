// What this node's copy of the registry does not have may just not have come yet: a schema is registered on
// one node and used on another in the same moment. So what is missing is first looked for with the leader:
// the copy is refreshed, and only what it still lacks then is missing. Thread rules: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "runtime/executor.h"

namespace forebay::schema {

class Doubts {
 public:
  enum class Verdict : std::uint8_t {
    kAsk,   // nobody knows yet: the caller refreshes the copy, and then calls refreshed(number)
    kWait,  // somebody does so already
    kSure,  // the copy has been refreshed since it was first missed: it is missing
  };
  struct Judgement {
    Verdict verdict = Verdict::kWait;
    std::uint64_t number = 0;  // of the refresh, with kAsk
  };
  // How long a refresh counts. What is missed all the time costs the leader a question in so long.
  static constexpr std::chrono::seconds kSureFor{2};

  // A refresh that has not ended by then never does: the copy that was asked is gone. Longer than the leader
  // has to answer, and the copy to follow.
  static constexpr std::chrono::seconds kRefreshMax{15};

  // `what` is missing.
  [[nodiscard]] Judgement judge(const std::string& what, runtime::TimePoint now);
  // The refresh has ended. `done`: it has succeeded.
  void refreshed(std::uint64_t number, bool done, runtime::TimePoint now);

 private:
  // More at a time means that somebody makes them up: then all begin anew.
  static constexpr std::size_t kMissedMax = 10'000;

  std::mutex mutex_;
  std::uint64_t begun_ = 0;      // refreshes; one at a time
  std::uint64_t succeeded_ = 0;  // the last one that did
  runtime::TimePoint succeeded_at_;
  bool under_way_ = false;
  runtime::TimePoint asked_at_;
  std::map<std::string, std::uint64_t> missed_;  // and the first refresh that tells
};

// What seems missing of one batch, each asked for once. Thread rules: one thread.
class BatchDoubts {
 public:
  // Bytes that were never meant to be ids are as many different ones: those of a subject beyond so many are
  // asked for as one. A tenth of what Doubts remembers of all.
  static constexpr std::size_t kAskedMax = 1'000;

  // Whether `found` is certainly no schema of `subject`, as `ask` says of what is missing.
  template <typename Ask>
  [[nodiscard]] bool is_sure(const std::string& subject, const std::string& found, Ask ask) {
    std::string what = subject + "\n" + found;
    auto known = asked_.find(what);
    if (known == asked_.end() && asked_.size() >= kAskedMax) known = asked_.find(what = subject);
    if (known == asked_.end()) known = asked_.emplace(what, ask(what)).first;
    return known->second;
  }

 private:
  std::map<std::string, bool> asked_;
};

}  // namespace forebay::schema
