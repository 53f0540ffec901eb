#include "group/places.h"

#include <algorithm>
#include <utility>

#include "group/lag_question.h"
#include "log/core/wire.h"
#include "log/journal.h"

namespace forebay::group {
namespace {

// Field 0 does not exist in protobuf; 0 and 1 are requests for states.
constexpr std::byte kMark{2};
constexpr std::uint8_t kVersion = 1;
// Longer than a read of an index; who commits waits for it.
constexpr runtime::Duration kAnswerTimeout = std::chrono::seconds(3);
constexpr std::uint32_t kRetryMs = 100;
// Forgotten and asked anew beyond that.
constexpr std::size_t kKnownMax = 100'000;

}  // namespace

bool is_place_question(ByteSpan bytes) { return !bytes.empty() && bytes.front() == kMark; }

std::string encode_question(const PlaceQuestion& question) {
  std::vector<std::byte> bytes{kMark};
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.partition(question.partition);
  out.put(static_cast<std::uint8_t>(question.kind));
  out.put(question.time.value());
  return std::string(as_text(bytes));
}

Result<PlaceQuestion> decode_question(ByteSpan bytes) {
  log::WireReader in(bytes);
  const bool known =
      in.get<std::uint8_t>() == static_cast<std::uint8_t>(kMark) && in.get<std::uint8_t>() == kVersion;
  PlaceQuestion question;
  question.partition = in.partition();
  const auto kind = in.get<std::uint8_t>();
  question.kind = static_cast<PlaceQuestion::Kind>(kind);
  question.time = model::Timestamp(in.get<std::int64_t>());
  if (!known || !in.finished() || kind < 1 || kind > static_cast<std::uint8_t>(PlaceQuestion::Kind::kTime))
    return Error{ErrorCode::kInvalidArgument, "a question for a place in a partition that cannot be read"};
  return question;
}

std::string encode_place(model::Offset offset) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(offset.value());
  return std::string(as_text(bytes));
}

Result<model::Offset> decode_place(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto version = in.get<std::uint8_t>();
  const model::Offset offset(in.get<std::int64_t>());
  if (!in.finished() || version != kVersion || offset < model::Offset(0))
    return Error{ErrorCode::kInvalidArgument, "a place in a partition that cannot be read"};
  return offset;
}

void answer_place(partition::PartitionSet& partitions, const PlaceQuestion& question,
                  Done<model::Offset> done) {
  const model::TopicPartition source = model::source_of(question.partition);
  partition::Partition* partition = partitions.find(source);
  if (partition == nullptr) return done(partitions.not_here(source));
  if (question.kind == PlaceQuestion::Kind::kTime) {
    return partition->find_by_time(
        log::TimeKind::kEvent, question.time, model::reading_of(question.partition.topic),
        [done = std::move(done)](Result<partition::Partition::TimeLookup> found) mutable {
          if (!found) return done(std::move(found).error());
          done(found->offset.value_or(found->marks.high_watermark));
        });
  }
  partition->read_end(
      [kind = question.kind, done = std::move(done)](Result<partition::Watermarks> marks) mutable {
        if (!marks) return done(std::move(marks).error());
        done(kind == PlaceQuestion::Kind::kBegin ? marks->log_start : marks->high_watermark);
      });
}

std::optional<model::Offset> Places::known_high_watermark(const model::TopicPartition& partition) const {
  std::optional<model::Offset> known;
  if (const auto at = known_.find(partition); at != known_.end()) known = at->second;
  // What a follower knows to be committed is as true.
  if (partition::Partition* here = parts_.shards[parts_.own].partitions->find(model::source_of(partition)))
    known = std::max(known.value_or(model::Offset(0)), here->watermarks().high_watermark);
  return known;
}

template <typename T, typename Question, typename Decode, typename Answer>
void Places::ask(const Question& question, Decode decode, Answer answer, Done<T> done) {
  const model::TopicPartition source = model::source_of(question.partition);
  const auto leader = parts_.leader(source);
  if (!leader && parts_.peers != nullptr)
    return done(Error{ErrorCode::kNotYet, "nobody is known to lead the partition; retry", kRetryMs});
  if (leader && *leader != parts_.self && parts_.peers != nullptr) {
    return parts_.peers->request(*leader, source, encode_question(question), kAnswerTimeout,
                                 [decode, done = std::move(done)](Result<std::string> said) mutable {
                                   if (!said) return done(std::move(said).error());
                                   done(decode(as_bytes(*said)));
                                 });
  }
  const Shard owner = parts_.shards[log::shard_of(source, static_cast<std::uint32_t>(parts_.shards.size()))];
  owner.executor->post(
      [owner, question, answer, back = parts_.shards[parts_.own].executor, done = std::move(done)]() mutable {
        answer(*owner.partitions, question, Done<T>([back, done = std::move(done)](Result<T> said) mutable {
          back->post([done = std::move(done), said = std::move(said)]() mutable { done(std::move(said)); });
        }));
      });
}

void Places::ask_high_watermark(const model::TopicPartition& partition, Done<model::Offset> done) {
  ask_place({partition, PlaceQuestion::Kind::kEnd, {}},
            [alive = alive_, partition, done = std::move(done)](Result<model::Offset> end) mutable {
              if (end && *alive != nullptr) {
                auto& known = (*alive)->known_;
                if (known.size() >= kKnownMax) known.clear();
                auto& value = known[partition];
                value = std::max(value, *end);
              }
              done(std::move(end));
            });
}

void Places::find_start(const model::TopicPartition& partition, const StartRule& rule,
                        Done<model::Offset> done) {
  PlaceQuestion question{partition, PlaceQuestion::Kind::kBegin, rule.time};
  if (rule.point == StartPoint::kLatest) question.kind = PlaceQuestion::Kind::kEnd;
  if (rule.point == StartPoint::kAtTime) question.kind = PlaceQuestion::Kind::kTime;
  ask_place(question, std::move(done));
}

void Places::ask_lag(const model::TopicPartition& partition, const LagFrom& from, Done<PartitionLag> done) {
  ask<PartitionLag>(
      LagQuestion{partition, from}, decode_lag,
      [clock = parts_.clock](partition::PartitionSet& partitions, const LagQuestion& question,
                             Done<PartitionLag> answered) {
        answer_lag(partitions, question, *clock, std::move(answered));
      },
      std::move(done));
}

void Places::ask_place(const PlaceQuestion& question, Done<model::Offset> done) {
  ask<model::Offset>(question, decode_place, answer_place, std::move(done));
}

}  // namespace forebay::group
