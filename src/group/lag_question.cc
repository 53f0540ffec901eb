#include "group/lag_question.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "log/core/wire.h"

namespace forebay::group {
namespace {

// As the other questions for places, and the kind that tells them apart.
constexpr std::byte kMark{2};
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kLagKind = 4;
constexpr std::size_t kKindAt = 22;  // behind mark, version, and partition

void tell(const partition::Partition::Backlog& backlog, runtime::WallClock& clock, Done<PartitionLag>& done) {
  PartitionLag lag{.next = backlog.next,
                   .end = backlog.marks.high_watermark,
                   .records = backlog.records,
                   .bytes = backlog.bytes,
                   .age = std::nullopt};
  if (backlog.records == 0) lag.age = Milliseconds{0};
  // The clock of whoever made the record may be ahead.
  if (backlog.oldest)
    lag.age = Milliseconds{std::max<std::int64_t>(0, clock.now().value() - backlog.oldest->value())};
  done(lag);
}

void answer_from(partition::Partition& partition, model::Reading reading, model::Offset next,
                 runtime::WallClock& clock, Done<PartitionLag> done) {
  partition.backlog(next, reading,
                    [&clock, done = std::move(done)](Result<partition::Partition::Backlog> backlog) mutable {
                      if (!backlog) return done(std::move(backlog).error());
                      tell(*backlog, clock, done);
                    });
}

}  // namespace

bool is_lag_question(ByteSpan bytes) {
  return bytes.size() > kKindAt && bytes.front() == kMark &&
         bytes[kKindAt] == static_cast<std::byte>(kLagKind);
}

std::string encode_question(const LagQuestion& question) {
  std::vector<std::byte> bytes{kMark};
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.partition(question.partition);
  out.put(kLagKind);
  out.put(static_cast<std::uint8_t>(question.from.kind));
  out.put(question.from.value);
  return std::string(as_text(bytes));
}

Result<LagQuestion> decode_lag_question(ByteSpan bytes) {
  log::WireReader in(bytes);
  const bool known =
      in.get<std::uint8_t>() == static_cast<std::uint8_t>(kMark) && in.get<std::uint8_t>() == kVersion;
  LagQuestion question;
  question.partition = in.partition();
  const bool is_lag = in.get<std::uint8_t>() == kLagKind;
  const auto kind = in.get<std::uint8_t>();
  question.from.kind = static_cast<LagFrom::Kind>(kind);
  question.from.value = in.get<std::int64_t>();
  if (!known || !is_lag || !in.finished() || kind > static_cast<std::uint8_t>(LagFrom::Kind::kTime))
    return Error{ErrorCode::kInvalidArgument, "a question for the lag in a partition that cannot be read"};
  return question;
}

std::string encode_lag(const PartitionLag& lag) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kVersion);
  out.put(lag.next.value());
  out.put(lag.end.value());
  out.put(lag.records);
  out.put(lag.bytes);
  out.put(static_cast<std::uint8_t>(lag.age ? 1 : 0));
  out.put(static_cast<std::int64_t>(lag.age.value_or(Milliseconds{0}).count()));
  return std::string(as_text(bytes));
}

Result<PartitionLag> decode_lag(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto version = in.get<std::uint8_t>();
  PartitionLag lag;
  lag.next = model::Offset(in.get<std::int64_t>());
  lag.end = model::Offset(in.get<std::int64_t>());
  lag.records = in.get<std::uint64_t>();
  lag.bytes = in.get<std::uint64_t>();
  const auto has_age = in.get<std::uint8_t>();
  const auto age = in.get<std::int64_t>();
  if (has_age == 1) lag.age = Milliseconds{age};
  if (!in.finished() || version != kVersion || has_age > 1 || age < 0 || lag.next < model::Offset(0) ||
      lag.end < model::Offset(0)) {
    return Error{ErrorCode::kInvalidArgument, "the lag in a partition that cannot be read"};
  }
  return lag;
}

void answer_lag(partition::PartitionSet& partitions, const LagQuestion& question, runtime::WallClock& clock,
                Done<PartitionLag> done) {
  const model::TopicPartition source = model::source_of(question.partition);
  const model::Reading reading = model::reading_of(question.partition.topic);
  partition::Partition* partition = partitions.find(source);
  if (partition == nullptr) return done(partitions.not_here(source));
  switch (question.from.kind) {
    case LagFrom::Kind::kOffset:
      return answer_from(*partition, reading, model::Offset(question.from.value), clock, std::move(done));
    case LagFrom::Kind::kBegin:
      return answer_from(*partition, reading, model::Offset(0), clock, std::move(done));
    case LagFrom::Kind::kEnd:
      return partition->backlog(
          model::Offset(std::numeric_limits<std::int64_t>::max()), reading,
          [&clock, done = std::move(done)](Result<partition::Partition::Backlog> backlog) mutable {
            if (!backlog) return done(std::move(backlog).error());
            backlog->next = backlog->marks.high_watermark;
            tell(*backlog, clock, done);
          });
    case LagFrom::Kind::kTime:
      break;
  }
  partition->find_by_time(log::TimeKind::kEvent, model::Timestamp(question.from.value), reading,
                          [&partitions, id = source, reading, &clock,
                           done = std::move(done)](Result<partition::Partition::TimeLookup> found) mutable {
                            if (!found) return done(std::move(found).error());
                            partition::Partition* there = partitions.find(id);
                            if (there == nullptr) return done(partitions.not_here(id));
                            answer_from(*there, reading, found->offset.value_or(found->marks.high_watermark),
                                        clock, std::move(done));
                          });
}

}  // namespace forebay::group
