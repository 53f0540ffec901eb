// The schema registry on one replica of `__schemas`: where this node leads it, takes changes one after the
// other into the log; everywhere it holds the state for whoever looks.
//
//  - One change is decided at a time, on the pool (parsing may take long), and applied before the next one
//  is:
//    what was compared is still so when it is logged.
//  - Nothing is answered that is not committed and applied here. What was under way when the leadership ends
//    is answered OUTCOME_UNKNOWN; every request may be sent again.
//  - Ids follow from the applied state, so the log gives them, once.
//
// Thread rules: everything on the partition's shard but the image; callbacks never inside the call that
// registered them, but for what is refused at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "machine/host.h"
#include "schema/core/decisions.h"
#include "schema/schema_machine.h"

namespace forebay::schema {

struct RegistryParts {
  partition::Partition* log = nullptr;
  kv::KeyValueStore* store = nullptr;
  runtime::Executor* executor = nullptr;
  runtime::BlockingPool* pool = nullptr;         // of the store
  runtime::BlockingPool* schema_pool = nullptr;  // where schemas are parsed and compared
  runtime::WallClock* clock = nullptr;
  raft::Peers* peers = nullptr;  // none: a node alone
  std::shared_ptr<ParsedSchemas> schemas;
};

class Registry {
 public:
  // On a thread of the pool.
  using Decide =
      UniqueFunction<Result<SchemaRecords>(const ImageAccess&, ParsedSchemas&, model::Timestamp now)>;

  Registry(const RegistryParts& parts, const machine::HostConfig& config);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  void start();
  void stop(UniqueFunction<void()> done);   // writes the state, and waits for that
  void erase(UniqueFunction<void()> done);  // stops for good: machine::Host::erase

  // `done`: with the end of what the state has applied once the records of the decision are in it; of a
  // decision without any, once this node has proved that it still led. Errors: those of machine::Host::check
  // and propose; kOutcomeUnknown; kResourceExhausted when too much waits; those of the decision.
  void change(Decide decide, machine::Done<model::Offset> done);
  // Calls back when the state here has all that was answered to anybody before this call: what it lacks then
  // was not there. Asks the leader, if that is another node. Errors: kNotYet, kNotLeader, kTimedOut, and
  // those of Peers::request.
  void refresh(machine::Done<std::monostate> done);
  // Of another replica that refreshes. Returns false if `body` is something else.
  bool answer_refresh(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply);
  // Calls back when the state here has applied all before `offset`. Errors: kTimedOut.
  void when_applied(model::Offset offset, machine::Done<std::monostate> done);

  [[nodiscard]] machine::Host& host() { return host_; }
  [[nodiscard]] const std::shared_ptr<SharedImage>& image() const { return machine_.image(); }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }  // that were logged here

 private:
  struct Change {
    Decide decide;
    machine::Done<model::Offset> done;
  };
  struct Waiting {
    machine::Done<std::monostate> done;
    runtime::TimePoint until;
  };
  void on_leads();
  void on_lost();
  void on_failed();
  void run_next();
  void on_decided(std::uint64_t leadership, Result<SchemaRecords> records);
  void finish(Result<model::Offset> outcome);
  void watch();
  void catch_up_once();
  template <typename Function>
  auto guarded(Function function);

  RegistryParts parts_;
  SchemaMachine machine_;
  machine::Host host_;
  bool leading_ = false;
  bool failed_ = false;           // what is here is old from now on
  std::uint64_t leadership_ = 0;  // counts them: a decision of another one is not taken
  std::deque<Change> waiting_;
  std::optional<machine::Done<model::Offset>> under_way_;
  std::multimap<model::Offset, Waiting> for_applied_;
  std::optional<runtime::TimerId> watch_;
  bool catching_up_ = false;
  runtime::TimePoint catch_up_again_;
  std::uint64_t changes_ = 0;
  bool stopping_ = false;
  std::shared_ptr<Registry*> alive_;
};

}  // namespace forebay::schema
