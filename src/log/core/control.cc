#include "log/core/control.h"

#include "log/core/control_codec.h"

namespace forebay::log {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kVoterBytes = 20;
enum class ControlType : std::uint16_t { kTermStart = 1, kMembership = 2, kLogStart = 3 };

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
  if (const auto* start = std::get_if<TermStart>(&control)) {
    put_head(out, ControlType::kTermStart);
    out.put(start->leader.value());
  } else if (const auto* membership = std::get_if<Membership>(&control)) {
    put_head(out, ControlType::kMembership);
    put_membership(out, *membership);
  } else {
    put_head(out, ControlType::kLogStart);
    out.position(std::get<LogStart>(control).begin);
  }
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
    default:
      return Error{ErrorCode::kNewerFormat, "control payload of type " + std::to_string(type)};
  }
  if (!in.finished()) return Error{ErrorCode::kCorruptBatch, "control payload of a wrong length"};
  return control;
}

}  // namespace forebay::log
