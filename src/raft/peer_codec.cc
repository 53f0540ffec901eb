#include "raft/peer_codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "log/core/journal_codec.h"
#include "log/core/wire.h"

namespace forebay::raft {
namespace {

using log::WireReader;
using log::WireWriter;

enum class Kind : std::uint8_t {
  kHeartbeat = 1,
  kLed = 2,
  kResigned = 3,
  kVoteRequest = 4,
  kVoteResponse = 5,
  kAppendResponse = 6,
  kTransferNow = 7,
  kAppend = 8,
  kRequest = 9,
  kResponse = 10,
  kOpened = 11,
  kInstall = 12,
  kRepairRequest = 14,
  kRepairFrames = 15,
  kLeaveRequest = 16,
  kLeaveResponse = 17,
  kCompacted = 18,
  kCompactedEverywhere = 19,
};

constexpr std::size_t kGroupBytes = 20;
constexpr std::size_t kLedGroupBytes = 28;
constexpr std::uint8_t kYes = 1;
constexpr std::uint8_t kLowOnDisk = 1U << 0, kWritesStall = 1U << 1;
// Numbers of ErrorCode are part of the wire contract; 0 stands for success.
constexpr std::uint16_t kNoError = 0;

Error corrupt(const std::string& what) { return Error{ErrorCode::kCorruptBatch, "peer message: " + what}; }

void put_kind(WireWriter& out, Kind kind) { out.put(static_cast<std::uint8_t>(kind)); }
void put_bool(WireWriter& out, bool value) { out.put(static_cast<std::uint8_t>(value ? kYes : 0)); }
bool get_bool(WireReader& in) { return in.get<std::uint8_t>() == kYes; }
void put_hardship(WireWriter& out, const Hardship& hardship) {
  out.put(static_cast<std::uint8_t>((hardship.low_on_disk ? kLowOnDisk : 0U) |
                                    (hardship.writes_stall ? kWritesStall : 0U)));
}
// Of what it does not know it takes no notice: a later version may have more reasons.
Hardship get_hardship(WireReader& in) {
  const auto bits = in.get<std::uint8_t>();
  return {.low_on_disk = (bits & kLowOnDisk) != 0, .writes_stall = (bits & kWritesStall) != 0};
}
model::Term get_term(WireReader& in) { return model::Term(in.get<std::uint64_t>()); }

void put_groups(WireWriter& out, const std::vector<LedGroup>& groups) {
  out.put(static_cast<std::uint32_t>(groups.size()));
  for (const LedGroup& led : groups) {
    out.partition(led.group);
    out.put(led.term.value());
  }
}

std::vector<LedGroup> get_groups(WireReader& in) {
  std::vector<LedGroup> groups(in.count(kLedGroupBytes));
  for (LedGroup& led : groups) {
    led.group = in.partition();
    led.term = get_term(in);
  }
  return groups;
}

void put(WireWriter& out, const model::TopicPartition& group, const VoteRequest& m) {
  put_kind(out, Kind::kVoteRequest);
  out.partition(group);
  put_bool(out, m.pre);
  put_bool(out, m.transfer);
  out.put(m.term.value());
  out.position(m.end);
  out.put(m.last_term.value());
}

void put(WireWriter& out, const model::TopicPartition& group, const VoteResponse& m) {
  put_kind(out, Kind::kVoteResponse);
  out.partition(group);
  put_bool(out, m.pre);
  put_bool(out, m.granted);
  out.put(m.term.value());
}

void put(WireWriter& out, const model::TopicPartition& group, const AppendResponse& m) {
  put_kind(out, Kind::kAppendResponse);
  out.partition(group);
  put_bool(out, m.accepted);
  out.put(m.term.value());
  out.position(m.prev);
  out.put(m.barrier);
  out.position(m.matched);
  out.position(m.flushed);
  out.position(m.hint);
  out.put(m.hint_term.value());
  put_bool(out, m.tail_damaged);
  put_bool(out, m.damaged);
}

void put(WireWriter& out, const model::TopicPartition& group, const TransferNow& m) {
  put_kind(out, Kind::kTransferNow);
  out.partition(group);
  out.put(m.term.value());
}

// What every append begins with.
void put_head(WireWriter& out, const AppendHead& head) {
  out.put(head.term.value());
  out.position(head.prev);
  out.put(head.prev_term.value());
  out.position(head.commit);
  out.put(head.barrier);
  out.position(head.regain);
  put_bool(out, head.wants_receipt);
}

AppendHead get_head(WireReader& in) {
  AppendHead head;
  head.term = get_term(in);
  head.prev = in.position();
  head.prev_term = get_term(in);
  head.commit = in.position();
  head.barrier = in.get<std::uint64_t>();
  head.regain = in.position();
  head.wants_receipt = get_bool(in);
  return head;
}

void put(WireWriter& out, const model::TopicPartition& group, const Install& m) {
  put_kind(out, Kind::kInstall);
  out.partition(group);
  put_head(out, m.head);
  log::put_log_base(out, m.base);
}

Install get_install(WireReader& in) {
  Install m;
  m.head = get_head(in);
  m.base = log::get_log_base(in);
  const bool fits = m.base.begin == m.head.prev && m.base.before.term == m.head.prev_term &&
                    m.head.prev <= m.head.commit && m.head.prev_term <= m.head.term;
  if (!fits) in.fail();
  return m;
}

struct Encoder {
  WireWriter& out;
  std::vector<SharedBytes>& pieces;

  void operator()(const Heartbeat& m) {
    put_kind(out, Kind::kHeartbeat);
    out.put(m.sequence);
    out.put(m.echo);
    put_hardship(out, m.hardship);
  }
  void operator()(const Led& m) {
    put_kind(out, Kind::kLed);
    put_bool(out, m.complete);
    put_groups(out, m.groups);
  }
  void operator()(const Resigned& m) {
    put_kind(out, Kind::kResigned);
    put_groups(out, m.groups);
  }
  void operator()(const Opened& m) {
    put_kind(out, Kind::kOpened);
    out.put(static_cast<std::uint32_t>(m.groups.size()));
    for (const model::TopicPartition& group : m.groups) out.partition(group);
  }
  void operator()(const GroupMessage& m) {
    std::visit([&](const auto& message) { put(out, m.group, message); }, m.message);
  }
  void operator()(const Append& m) {
    put_kind(out, Kind::kAppend);
    out.partition(m.group);
    put_head(out, m.head);
    put_frames(m.frames);
  }
  void operator()(const RepairRequest& m) {
    put_kind(out, Kind::kRepairRequest);
    out.partition(m.group);
    out.put(m.id);
    out.put(m.term.value());
    out.position(m.begin);
    out.position(m.end);
  }
  void operator()(const RepairFrames& m) {
    put_kind(out, Kind::kRepairFrames);
    out.partition(m.group);
    out.put(m.id);
    out.position(m.log_start);
    put_frames(m.frames);
  }
  void put_frames(const std::vector<log::FramePtr>& frames) {
    out.put(static_cast<std::uint32_t>(frames.size()));
    for (const log::FramePtr& frame : frames) {
      std::array<std::byte, log::kFrameHeaderBytes> header;
      log::encode_frame_header(frame->header, frame->payload.span(), header.data());
      out.bytes(header);
      pieces.push_back(frame->payload);
    }
  }
  void operator()(const Request& m) {
    put_kind(out, Kind::kRequest);
    out.put(m.id);
    out.bytes(as_bytes(m.body));
  }
  void operator()(const Response& m) {
    put_kind(out, Kind::kResponse);
    out.put(m.id);
    out.put(m.body ? kNoError : static_cast<std::uint16_t>(m.body.error().code));
    out.put(m.body ? std::uint32_t{0} : m.body.error().retry_after_ms);
    out.bytes(as_bytes(m.body ? *m.body : m.body.error().context));
  }
  void operator()(const LeaveRequest& m) {
    put_kind(out, Kind::kLeaveRequest);
    out.partition(m.group);
    out.put(m.number);
  }
  void operator()(const LeaveResponse& m) {
    put_kind(out, Kind::kLeaveResponse);
    out.partition(m.group);
    out.put(m.number);
    out.put(m.term.value());
    out.position(m.commit);
  }
  void operator()(const Compacted& m) {
    put_kind(out, Kind::kCompacted);
    out.partition(m.group);
    out.put(m.term.value());
    out.position(m.compacted_to);
  }
  void operator()(const CompactedEverywhere& m) {
    put_kind(out, Kind::kCompactedEverywhere);
    out.partition(m.group);
    out.put(m.term.value());
    out.position(m.position);
  }
};

Result<log::FramePtr> get_frame(WireReader& in, const SharedBytes& payload) {
  // The header's checksum covers the first bytes of a batch too.
  std::array<std::byte, log::kFrameHeaderBytes + log::kBatchPrefixBytes> head{};
  const ByteSpan header_bytes = in.bytes(log::kFrameHeaderBytes);
  if (in.failed()) return corrupt("frame headers cut short");
  std::memcpy(head.data(), header_bytes.data(), header_bytes.size());
  const std::size_t prefix = std::min(payload.size(), log::kBatchPrefixBytes);
  if (prefix > 0) std::memcpy(head.data() + log::kFrameHeaderBytes, payload.data(), prefix);
  FOREBAY_TRY(auto header, log::decode_frame_header(ByteSpan(head).first(log::kFrameHeaderBytes + prefix)));
  FOREBAY_CHECK(log::check_frame_payload(header, payload.span()));
  return log::FramePtr(std::make_shared<const log::Frame>(log::Frame{header, payload}));
}

// One behind the other, all of one partition.
Result<std::vector<log::FramePtr>> get_frames(WireReader& in, const io::PeerMessage& message,
                                              const model::TopicPartition& group) {
  const std::uint32_t count = in.count(log::kFrameHeaderBytes);
  if (in.failed() || count != message.pieces.size()) return corrupt("a wrong number of frames");
  std::vector<log::FramePtr> frames;
  frames.reserve(count);
  for (const SharedBytes& payload : message.pieces) {
    FOREBAY_TRY(auto frame, get_frame(in, payload));
    const bool follows = frames.empty() || frames.back()->header.end == frame->header.begin;
    if (frame->header.partition != group || !follows) return corrupt("frames that do not follow each other");
    frames.push_back(std::move(frame));
  }
  return frames;
}

Result<PeerWords> get_repair_frames(WireReader& in, const io::PeerMessage& message) {
  RepairFrames words;
  words.group = in.partition();
  words.id = in.get<std::uint64_t>();
  words.log_start = in.position();
  FOREBAY_TRY(words.frames, get_frames(in, message, words.group));
  return PeerWords(std::move(words));
}

Result<PeerWords> get_append(WireReader& in, const io::PeerMessage& message) {
  Append append;
  append.group = in.partition();
  append.head = get_head(in);
  FOREBAY_TRY(append.frames, get_frames(in, message, append.group));
  const bool of_later_term = std::any_of(append.frames.begin(), append.frames.end(), [&](const auto& frame) {
    return frame->header.term > append.head.term;
  });
  const bool at_prev = append.frames.empty() || append.frames.front()->header.begin == append.head.prev;
  if (of_later_term || !at_prev) return corrupt("an append whose frames do not follow what it names");
  return PeerWords(std::move(append));
}

Result<PeerWords> get_group_message(WireReader& in, Kind kind) {
  GroupMessage words;
  words.group = in.partition();
  if (kind == Kind::kVoteRequest) {
    VoteRequest m;
    m.pre = get_bool(in);
    m.transfer = get_bool(in);
    m.term = get_term(in);
    m.end = in.position();
    m.last_term = get_term(in);
    words.message = m;
  } else if (kind == Kind::kVoteResponse) {
    VoteResponse m;
    m.pre = get_bool(in);
    m.granted = get_bool(in);
    m.term = get_term(in);
    words.message = m;
  } else if (kind == Kind::kAppendResponse) {
    AppendResponse m;
    m.accepted = get_bool(in);
    m.term = get_term(in);
    m.prev = in.position();
    m.barrier = in.get<std::uint64_t>();
    m.matched = in.position();
    m.flushed = in.position();
    m.hint = in.position();
    m.hint_term = get_term(in);
    m.tail_damaged = get_bool(in);
    m.damaged = get_bool(in);
    words.message = m;
  } else if (kind == Kind::kInstall) {
    words.message = get_install(in);
  } else {
    words.message = TransferNow{get_term(in)};
  }
  return PeerWords(std::move(words));
}

std::string rest_of(WireReader& in) { return std::string(as_text(in.bytes(in.left()))); }

Result<PeerWords> get_words(WireReader& in, const io::PeerMessage& message) {
  const auto kind = static_cast<Kind>(in.get<std::uint8_t>());
  switch (kind) {
    case Kind::kHeartbeat: {
      Heartbeat m;
      m.sequence = in.get<std::uint64_t>();
      m.echo = in.get<std::uint64_t>();
      m.hardship = get_hardship(in);
      return PeerWords(m);
    }
    case Kind::kLed: {
      Led m;
      m.complete = get_bool(in);
      m.groups = get_groups(in);
      return PeerWords(std::move(m));
    }
    case Kind::kResigned:
      return PeerWords(Resigned{get_groups(in)});
    case Kind::kOpened: {
      Opened m;
      m.groups.resize(in.count(kGroupBytes));
      for (model::TopicPartition& group : m.groups) group = in.partition();
      return PeerWords(std::move(m));
    }
    case Kind::kVoteRequest:
    case Kind::kVoteResponse:
    case Kind::kAppendResponse:
    case Kind::kTransferNow:
    case Kind::kInstall:
      return get_group_message(in, kind);
    case Kind::kRepairRequest: {
      RepairRequest m;
      m.group = in.partition();
      m.id = in.get<std::uint64_t>();
      m.term = get_term(in);
      m.begin = in.position();
      m.end = in.position();
      return PeerWords(m);
    }
    case Kind::kRepairFrames:
      return get_repair_frames(in, message);
    case Kind::kLeaveRequest: {
      LeaveRequest m;
      m.group = in.partition();
      m.number = in.get<std::uint64_t>();
      return PeerWords(m);
    }
    case Kind::kLeaveResponse: {
      LeaveResponse m;
      m.group = in.partition();
      m.number = in.get<std::uint64_t>();
      m.term = get_term(in);
      m.commit = in.position();
      return PeerWords(m);
    }
    case Kind::kCompacted: {
      Compacted m;
      m.group = in.partition();
      m.term = get_term(in);
      m.compacted_to = in.position();
      return PeerWords(m);
    }
    case Kind::kCompactedEverywhere: {
      CompactedEverywhere m;
      m.group = in.partition();
      m.term = get_term(in);
      m.position = in.position();
      return PeerWords(m);
    }
    case Kind::kAppend:
      return get_append(in, message);
    case Kind::kRequest: {
      Request m;
      m.id = in.get<std::uint64_t>();
      m.body = rest_of(in);
      return PeerWords(std::move(m));
    }
    case Kind::kResponse: {
      Response m;
      m.id = in.get<std::uint64_t>();
      const auto code = in.get<std::uint16_t>();
      const auto retry_after_ms = in.get<std::uint32_t>();
      std::string text = rest_of(in);
      if (code == kNoError) {
        m.body = std::move(text);
      } else {
        m.body = Error{static_cast<ErrorCode>(code), std::move(text), retry_after_ms};
      }
      return PeerWords(std::move(m));
    }
  }
  return Error{ErrorCode::kNewerFormat,
               "peer message of kind " + std::to_string(static_cast<int>(kind)) +
                   ", which this version does not know: the other node is newer; upgrade this one"};
}

}  // namespace

io::PeerMessage encode(const PeerWords& words) {
  std::vector<std::byte> bytes;
  io::PeerMessage message;
  WireWriter out(bytes);
  std::visit(Encoder{out, message.pieces}, words);
  message.header.assign(as_text(bytes));
  return message;
}

Result<PeerWords> decode(const io::PeerMessage& message) {
  WireReader in(as_bytes(message.header));
  auto words = get_words(in, message);
  if (!words) return words;
  if (!in.finished()) return corrupt("a wrong length");
  const bool has_frames =
      std::holds_alternative<Append>(*words) || std::holds_alternative<RepairFrames>(*words);
  if (!has_frames && !message.pieces.empty()) return corrupt("pieces behind what has no frames");
  return words;
}

}  // namespace forebay::raft
