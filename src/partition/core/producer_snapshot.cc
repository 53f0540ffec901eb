#include "partition/core/producer_snapshot.h"

#include <optional>
#include <string>
#include <utility>

#include "log/core/control.h"
#include "log/core/wire.h"

namespace forebay::partition {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kProducerBytesMin = 20;
constexpr std::size_t kCountAt = 4;
enum Parts : std::uint8_t {
  kNamed = 1,
  kBefore = 2,
  kBeforePosition = 4,
  kPosition = 8,
  kNext = 16,
  kAllParts = 31
};

void put_text(log::WireWriter& out, const std::string& text) {
  out.put(static_cast<std::uint16_t>(text.size()));
  out.bytes(as_bytes(text));
}

void put_position(log::WireWriter& out, const SourcePosition& position) {
  put_text(out, position.source);
  put_text(out, position.position);
}

std::uint8_t parts_of(const ProducerState& state) {
  if (!state.named) return 0;
  const NamedProducer& named = *state.named;
  return static_cast<std::uint8_t>(kNamed | (named.before ? kBefore : 0) |
                                   (named.before && named.before->position ? kBeforePosition : 0) |
                                   (named.position ? kPosition : 0) | (named.next ? kNext : 0));
}

void put_producer(log::WireWriter& out, model::ProducerId id, const ProducerState& state) {
  out.put(id.value());
  out.put(state.epoch.value());
  out.put(parts_of(state));
  out.put(static_cast<std::uint8_t>(state.batches.size()));
  out.put(state.last_time.value());
  for (const StoredBatch& batch : state.batches) {
    out.put(batch.first_sequence);
    out.put(batch.last_sequence);
    out.put(batch.first_offset.value());
    out.put(batch.append_time.value());
  }
  if (!state.named) return;
  const NamedProducer& named = *state.named;
  if (named.before) {
    out.put(named.before->epoch.value());
    out.put(named.before->last_sequence);
    out.put(named.before->last_offset.value());
    if (named.before->position) put_position(out, *named.before->position);
  }
  if (named.position) put_position(out, *named.position);
  if (named.next) {
    out.put(named.next->epoch.value());
    out.put(named.next->last_sequence);
    put_position(out, named.next->position);
  }
}

std::string get_text(log::WireReader& in) {
  const auto size = in.get<std::uint16_t>();
  if (size > log::kProducerTextBytesMax) in.fail();
  return std::string(as_text(in.bytes(size)));
}

SourcePosition get_position(log::WireReader& in) {
  SourcePosition position;
  position.source = get_text(in);
  position.position = get_text(in);
  return position;
}

model::ProducerEpoch get_epoch(log::WireReader& in) {
  const auto value = in.get<std::int16_t>();
  if (value < 0) in.fail();
  return model::ProducerEpoch(value);
}

std::int32_t get_sequence(log::WireReader& in) {
  const auto value = in.get<std::int32_t>();
  if (value < 0) in.fail();
  return value;
}

model::Offset get_offset(log::WireReader& in) {
  const auto value = in.get<std::int64_t>();
  if (value < 0) in.fail();
  return model::Offset(value);
}

NamedProducer get_named(log::WireReader& in, std::uint8_t parts) {
  NamedProducer named;
  if ((parts & kBefore) != 0) {
    SessionEnd before;
    before.epoch = get_epoch(in);
    before.last_sequence = get_sequence(in);
    before.last_offset = get_offset(in);
    if ((parts & kBeforePosition) != 0) before.position = get_position(in);
    named.before = std::move(before);
  }
  if ((parts & kPosition) != 0) named.position = get_position(in);
  if ((parts & kNext) != 0) {
    NamedProducer::Next next;
    next.epoch = get_epoch(in);
    next.last_sequence = get_sequence(in);
    next.position = get_position(in);
    named.next = std::move(next);
  }
  return named;
}

ProducerState get_producer(log::WireReader& in) {
  ProducerState state;
  state.epoch = get_epoch(in);
  const auto parts = in.get<std::uint8_t>();
  const auto batches = in.get<std::uint8_t>();
  const bool parts_fit = (parts & ~kAllParts) == 0 && ((parts & kNamed) != 0 || parts == 0) &&
                         ((parts & kBefore) != 0 || (parts & kBeforePosition) == 0);
  if (batches > kRememberedBatches || !parts_fit) in.fail();
  state.last_time = model::Timestamp(in.get<std::int64_t>());
  for (std::uint8_t i = 0; i < batches && !in.failed(); ++i) {
    StoredBatch batch;
    batch.first_sequence = get_sequence(in);
    batch.last_sequence = get_sequence(in);
    batch.first_offset = get_offset(in);
    batch.append_time = model::Timestamp(in.get<std::int64_t>());
    state.batches.push_back(batch);
  }
  if ((parts & kNamed) != 0) state.named = std::make_shared<const NamedProducer>(get_named(in, parts));
  return state;
}

Error malformed() { return {ErrorCode::kCorruptBatch, "the state of a partition's producers is malformed"}; }

}  // namespace

// --- writing

ProducerWriter::ProducerWriter() {
  log::WireWriter out(made_.bytes);
  out.put(kVersion);
  out.put(std::uint16_t{0});
  out.put(std::uint32_t{0});  // finish()
}

void ProducerWriter::add(model::ProducerId id, const ProducerState& state) {
  const std::size_t begin = made_.bytes.size();
  log::WireWriter out(made_.bytes);
  put_producer(out, id, state);
  made_.index.add(id, state, ByteSpan(made_.bytes).subspan(begin));
}

ProducerWriter::Encoded ProducerWriter::finish() {
  store_le(made_.bytes.data() + kCountAt, static_cast<std::uint32_t>(made_.index.count()));
  return std::move(made_);
}

std::vector<std::byte> encode_producers(const ProducerSnapshot& snapshot) {
  ProducerWriter out;
  for (const auto& [id, state] : snapshot.producers) out.add(id, state);
  return out.finish().bytes;
}

// --- reading

Result<ProducerReader> ProducerReader::open(ByteSpan state) {
  log::WireReader in(state);
  const auto version = in.get<std::uint16_t>();
  if (in.failed()) return malformed();
  if (version != kVersion) {
    return Error{ErrorCode::kNewerFormat,
                 "the state of a partition's producers has version " + std::to_string(version)};
  }
  if (in.get<std::uint16_t>() != 0) return malformed();
  const auto count = in.get<std::uint32_t>();
  if (in.failed() || count > in.left() / kProducerBytesMin) return malformed();
  ProducerReader reader(state.subspan(kProducersHeadBytes));
  reader.count_ = count;
  return reader;
}

Result<std::optional<ProducerEntry>> ProducerReader::next() {
  if (rest_.empty()) {
    if (count_ && given_ != *count_) return malformed();
    return std::optional<ProducerEntry>();
  }
  if (count_ && given_ == *count_) return malformed();
  log::WireReader in(rest_);
  const model::ProducerId id(in.get<std::int64_t>());
  if (id.value() < 0 || (last_ && id <= *last_)) return malformed();
  ProducerState state = get_producer(in);
  if (in.failed()) return malformed();
  last_bytes_ = rest_.first(rest_.size() - in.left());
  rest_ = rest_.subspan(last_bytes_.size());
  last_ = id;
  ++given_;
  return std::optional<ProducerEntry>(std::in_place, id, std::move(state));
}

Result<ProducerSnapshot> decode_producers(ByteSpan bytes) {
  FOREBAY_TRY(auto in, ProducerReader::open(bytes));
  ProducerSnapshot snapshot;
  snapshot.producers.reserve(in.count());
  for (;;) {
    FOREBAY_TRY(auto entry, in.next());
    if (!entry) return snapshot;
    snapshot.producers.push_back(*std::move(entry));
  }
}

}  // namespace forebay::partition
