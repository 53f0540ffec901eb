#include "log/core/control.h"

#include "base/assert.h"
#include "base/endian.h"
#include "log/core/control_codec.h"

namespace forebay::log {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kVoterBytes = 20;
constexpr std::size_t kTypeAt = 2;
enum class ControlType : std::uint16_t {
  kTermStart = 1,
  kMembership = 2,
  kLogStart = 3,
  kProducerFence = 4,
  kProducerPosition = 5,
  kProducersForgotten = 6,
};

void put_head(WireWriter& out, ControlType type) {
  out.put(kVersion);
  out.put(static_cast<std::uint16_t>(type));
}

void put_voters(WireWriter& out, const std::vector<Voter>& voters) {
  out.put(static_cast<std::uint32_t>(voters.size()));
  for (const Voter& voter : voters) {
    out.put(voter.node.value());
    out.uuid(voter.disk);
  }
}

std::vector<Voter> get_voters(WireReader& in) {
  std::vector<Voter> voters(in.count(kVoterBytes));
  for (Voter& voter : voters) {
    voter.node = model::NodeId(in.get<std::uint32_t>());
    voter.disk = in.uuid();
  }
  return voters;
}

void put_text(WireWriter& out, const std::string& text) {
  FOREBAY_ASSERT(text.size() <= kProducerTextBytesMax);
  out.put(static_cast<std::uint16_t>(text.size()));
  out.bytes(std::as_bytes(std::span(text)));
}

std::string get_text(WireReader& in) {
  const auto size = in.get<std::uint16_t>();
  if (size > kProducerTextBytesMax) in.fail();
  const ByteSpan bytes = in.bytes(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct ControlWriter {
  WireWriter& out;
  void operator()(const TermStart& start) const {
    put_head(out, ControlType::kTermStart);
    out.put(start.leader.value());
  }
  void operator()(const Membership& membership) const {
    put_head(out, ControlType::kMembership);
    put_membership(out, membership);
  }
  void operator()(const LogStart& start) const {
    put_head(out, ControlType::kLogStart);
    out.position(start.begin);
  }
  void operator()(const ProducerFence& fence) const {
    put_head(out, ControlType::kProducerFence);
    out.put(fence.producer.value());
    out.put(fence.epoch.value());
  }
  void operator()(const ProducerPosition& at) const {
    put_head(out, ControlType::kProducerPosition);
    out.put(at.producer.value());
    out.put(at.epoch.value());
    out.put(at.last_sequence);
    put_text(out, at.source);
    put_text(out, at.position);
  }
  void operator()(const ProducersForgotten& forgotten) const {
    put_head(out, ControlType::kProducersForgotten);
    out.put(forgotten.silent_before.value());
    out.put(forgotten.quiet_before.value());
  }
};

ProducerFence get_fence(WireReader& in) {
  ProducerFence fence;
  fence.producer = model::ProducerId(in.get<std::int64_t>());
  fence.epoch = model::ProducerEpoch(in.get<std::int16_t>());
  return fence;
}

ProducerPosition get_position(WireReader& in) {
  ProducerPosition at;
  at.producer = model::ProducerId(in.get<std::int64_t>());
  at.epoch = model::ProducerEpoch(in.get<std::int16_t>());
  at.last_sequence = in.get<std::int32_t>();
  at.source = get_text(in);
  at.position = get_text(in);
  return at;
}

ProducersForgotten get_forgotten(WireReader& in) {
  ProducersForgotten forgotten;
  forgotten.silent_before = model::Timestamp(in.get<std::int64_t>());
  forgotten.quiet_before = model::Timestamp(in.get<std::int64_t>());
  return forgotten;
}

}  // namespace

void put_membership(WireWriter& out, const Membership& membership) {
  put_voters(out, membership.voters);
  put_voters(out, membership.next_voters);
  put_voters(out, membership.learners);
}

Membership get_membership(WireReader& in) {
  Membership membership;
  membership.voters = get_voters(in);
  membership.next_voters = get_voters(in);
  membership.learners = get_voters(in);
  return membership;
}

std::vector<std::byte> encode_control(const Control& control) {
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  std::visit(ControlWriter{out}, control);
  return bytes;
}

Result<Control> decode_control(ByteSpan bytes) {
  WireReader in(bytes);
  const auto version = in.get<std::uint16_t>();
  const auto type = in.get<std::uint16_t>();
  if (in.failed()) return Error{ErrorCode::kCorruptBatch, "control payload cut short"};
  if (version != kVersion) {
    return Error{ErrorCode::kNewerFormat, "control payload of version " + std::to_string(version)};
  }
  Control control;
  switch (static_cast<ControlType>(type)) {
    case ControlType::kTermStart:
      control = TermStart{model::NodeId(in.get<std::uint32_t>())};
      break;
    case ControlType::kMembership:
      control = get_membership(in);
      break;
    case ControlType::kLogStart:
      control = LogStart{in.position()};
      break;
    case ControlType::kProducerFence:
      control = get_fence(in);
      break;
    case ControlType::kProducerPosition:
      control = get_position(in);
      break;
    case ControlType::kProducersForgotten:
      control = get_forgotten(in);
      break;
    default:
      return Error{ErrorCode::kNewerFormat, "control payload of type " + std::to_string(type)};
  }
  if (!in.finished()) return Error{ErrorCode::kCorruptBatch, "control payload of a wrong length"};
  return control;
}

bool goes_with_a_batch(ByteSpan control_payload) {
  return control_payload.size() >= kTypeAt + sizeof(std::uint16_t) &&
         load_le<std::uint16_t>(control_payload.data()) == kVersion &&
         load_le<std::uint16_t>(control_payload.data() + kTypeAt) ==
             static_cast<std::uint16_t>(ControlType::kProducerPosition);
}

}  // namespace forebay::log
