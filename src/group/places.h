// Where partitions of topics are: asked of a replica on this shard, of another shard of this node, or of the
// node that leads (docs/format/peer-messages.md). One for each shard. Thread rules: everything on the shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "group/ports.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::group {

struct PlaceQuestion {
  enum class Kind : std::uint8_t {
    kEnd = 1,    // the high watermark
    kBegin = 2,  // the log start
    kTime = 3,  // the first record with an event time of `time` or later; the high watermark if there is none
  };
  model::TopicPartition partition;
  Kind kind = Kind::kEnd;
  model::Timestamp time{0};
  friend bool operator==(const PlaceQuestion&, const PlaceQuestion&) = default;
};
// And nothing else that nodes ask one another.
[[nodiscard]] bool is_place_question(ByteSpan bytes);
[[nodiscard]] std::string encode_question(const PlaceQuestion& question);
[[nodiscard]] Result<PlaceQuestion> decode_question(ByteSpan bytes);  // kInvalidArgument
[[nodiscard]] std::string encode_place(model::Offset offset);
[[nodiscard]] Result<model::Offset> decode_place(ByteSpan bytes);  // kInvalidArgument

// By the leader, which proves that it leads. Errors: kNotLeader, kNotYet, kDataLoss, kShuttingDown.
void answer_place(partition::PartitionSet& partitions, const PlaceQuestion& question,
                  Done<model::Offset> done);

class Places final : public PartitionPlaces {
 public:
  struct Shard {
    runtime::Executor* executor = nullptr;
    partition::PartitionSet* partitions = nullptr;  // touched on that executor only
  };
  struct Parts {
    std::vector<Shard> shards;  // of this node
    std::uint32_t own = 0;      // this one
    raft::Peers* peers = nullptr;
    model::NodeId self;
    runtime::WallClock* clock = nullptr;
    // Who leads, as far as it is known here.
    std::function<std::optional<model::NodeId>(const model::TopicPartition&)> leader;
  };
  explicit Places(Parts parts) : parts_(std::move(parts)), alive_(std::make_shared<Places*>(this)) {}
  ~Places() override { *alive_ = nullptr; }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  [[nodiscard]] std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition& partition) const override;
  void ask_high_watermark(const model::TopicPartition& partition, Done<model::Offset> done) override;
  void find_start(const model::TopicPartition& partition, const StartRule& rule,
                  Done<model::Offset> done) override;
  void ask_lag(const model::TopicPartition& partition, const LagFrom& from, Done<PartitionLag> done) override;

 private:
  // `decode` reads what another node answers, `answer(partitions, question, done)` is what this one does.
  template <typename T, typename Question, typename Decode, typename Answer>
  void ask(const Question& question, Decode decode, Answer answer, Done<T> done);
  void ask_place(const PlaceQuestion& question, Done<model::Offset> done);

  Parts parts_;
  std::unordered_map<model::TopicPartition, model::Offset> known_;  // high watermarks that were reached
  std::shared_ptr<Places*> alive_;
};

}  // namespace forebay::group
