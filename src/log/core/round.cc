#include "log/core/round.h"

#include "base/assert.h"
#include "base/crc32c.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kMagic = 0x31444e554f524246;  // "FBROUND1"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kCrcAt = 8;
constexpr std::size_t kCrcBegin = 12;
constexpr std::uint8_t kFlagClean = 1;

enum class EntryType : std::uint8_t { kFrame = 1, kRecord = 2, kCheckpointPart = 3, kDirectory = 4 };
enum DirectoryFlags : std::uint8_t {
  kHasEnd = 1,
  kHasHardState = 2,
  kHasVote = 4,
  kHasCut = 8,
  kAllFlags = 15
};

Error corrupt(const char* what) { return {ErrorCode::kCorruptBatch, std::string("round: ") + what}; }

void store_entry_header(std::byte* to, std::uint8_t type, std::size_t body_bytes) {
  store_le(to, static_cast<std::uint32_t>(body_bytes));
  store_le(to + 4, type);
  store_le(to + 5, std::uint8_t{0});
  store_le(to + 6, std::uint16_t{0});
}

struct Entry {
  EntryType type{};
  ByteSpan body;
};

Result<Entry> next_entry(ByteSpan& from) {
  if (from.size() < kRoundEntryHeaderBytes) return corrupt("entry cut short");
  const auto body_bytes = load_le<std::uint32_t>(from.data());
  const auto type = load_le<std::uint8_t>(from.data() + 4);
  if (load_le<std::uint8_t>(from.data() + 5) != 0 || load_le<std::uint16_t>(from.data() + 6) != 0) {
    return corrupt("reserved bytes are not zero");
  }
  if (body_bytes > from.size() - kRoundEntryHeaderBytes) return corrupt("entry passes the end");
  const Entry entry{static_cast<EntryType>(type), from.subspan(kRoundEntryHeaderBytes, body_bytes)};
  from = from.subspan(kRoundEntryHeaderBytes + body_bytes);
  return entry;
}

Result<RoundDirectoryEntry> decode_directory_entry(ByteSpan body) {
  WireReader in(body);
  RoundDirectoryEntry entry;
  entry.id = in.partition();
  const auto flags = in.get<std::uint8_t>();
  if ((flags & ~kAllFlags) != 0) return corrupt("unknown directory flag");
  if ((flags & kHasEnd) != 0) {
    KnownEnd end;
    end.end = in.position();
    end.term = model::Term(in.get<std::uint64_t>());
    entry.end = end;
  }
  if ((flags & kHasHardState) != 0) {
    HardState state;
    state.term = model::Term(in.get<std::uint64_t>());
    if ((flags & kHasVote) != 0) state.vote = model::NodeId(in.get<std::uint32_t>());
    entry.hard_state = state;
  }
  if ((flags & kHasCut) != 0) entry.cut = in.position();
  if (!in.finished()) return corrupt("directory entry of a wrong length");
  return entry;
}

Result<void> decode_directory(ByteSpan section, RoundContent& content) {
  while (!section.empty()) {
    FOREBAY_TRY(const Entry entry, next_entry(section));
    if (entry.type == EntryType::kDirectory) {
      FOREBAY_TRY(auto decoded, decode_directory_entry(entry.body));
      content.directory.push_back(decoded);
    } else if (entry.type == EntryType::kRecord) {
      FOREBAY_TRY(auto decoded, decode_record(entry.body));
      content.repeated.push_back(std::move(decoded));
    } else {
      return corrupt("entry that does not belong into a directory");
    }
  }
  return {};
}

// Puts the header before a content (directory, entries, padding) whose checksum is known.
ByteSpan put_header(std::span<std::byte> buffer, RoundHeader& header, std::uint32_t content_crc) {
  const std::size_t whole = header.blocks_bytes();
  std::memset(buffer.data(), 0, kRoundHeaderBytes);
  std::byte* to = buffer.data();
  store_le(to, kMagic);
  store_le(to + 12, kVersion);
  store_le(to + 14, static_cast<std::uint8_t>(header.kind));
  store_le(to + 15, static_cast<std::uint8_t>(header.clean ? kFlagClean : 0));
  store_le(to + 16, header.boot_epoch.value());
  store_le(to + 24, header.epoch_seed);
  store_le(to + 32, header.sequence.value());
  store_le(to + 40, header.previous.value());
  store_le(to + 48, header.live_from.value());
  store_le(to + 56, header.file_number);
  store_le(to + 64, header.wall_time.value());
  store_le(to + 72, header.previous_crc);
  store_le(to + 76, header.shard);
  store_le(to + 80, header.used_bytes);
  store_le(to + 84, header.directory_bytes);
  store_le(to + 88, header.checkpoint_part);
  store_le(to + 92, header.checkpoint_parts);
  store_le(to + 96, header.checkpoint_id.value());
  store_le(to + 104, header.next_file);
  header.crc = crc32c_combine(crc32c({to + kCrcBegin, kRoundHeaderBytes - kCrcBegin}), content_crc,
                              whole - kRoundHeaderBytes);
  store_le(to + kCrcAt, header.crc);
  return {buffer.data(), whole};
}

}  // namespace

void put_directory_entry(WireWriter& out, const RoundDirectoryEntry& entry) {
  std::vector<std::byte> body;
  body.reserve(80);
  WireWriter in_body(body);
  std::uint8_t flags = 0;
  if (entry.end) flags |= kHasEnd;
  if (entry.hard_state) flags |= kHasHardState;
  if (entry.hard_state && entry.hard_state->vote) flags |= kHasVote;
  if (entry.cut) flags |= kHasCut;
  in_body.partition(entry.id);
  in_body.put(flags);
  if (entry.end) {
    in_body.position(entry.end->end);
    in_body.put(entry.end->term.value());
  }
  if (entry.hard_state) in_body.put(entry.hard_state->term.value());
  if (entry.hard_state && entry.hard_state->vote) in_body.put(entry.hard_state->vote->value());
  if (entry.cut) in_body.position(*entry.cut);
  out.put(static_cast<std::uint32_t>(body.size()));
  out.put(static_cast<std::uint8_t>(EntryType::kDirectory));
  out.put(std::uint8_t{0});
  out.put(std::uint16_t{0});
  out.bytes(body);
}

void put_record_entry(std::vector<std::byte>& out, const model::TopicPartition& id,
                      const JournalRecord& record) {
  const std::size_t at = out.size();
  out.resize(at + kRoundEntryHeaderBytes);
  WireWriter body(out);
  put_record(body, id, record);
  store_entry_header(out.data() + at, static_cast<std::uint8_t>(EntryType::kRecord),
                     out.size() - at - kRoundEntryHeaderBytes);
}

RoundWriter::RoundWriter(std::span<std::byte> buffer) : buffer_(buffer) {
  FOREBAY_ASSERT(buffer.size() >= kRoundBlockBytes);
}

void RoundWriter::add_directory(ByteSpan directory) {
  FOREBAY_ASSERT(used_bytes_ == kRoundHeaderBytes);
  FOREBAY_ASSERT(directory.size() <= buffer_.size() - used_bytes_);
  if (!directory.empty()) std::memcpy(buffer_.data() + used_bytes_, directory.data(), directory.size());
  directory_bytes_ = directory.size();
  used_bytes_ += directory.size();
}

std::byte* RoundWriter::put_entry_header(std::uint8_t type, std::size_t body_bytes) {
  FOREBAY_ASSERT(kRoundEntryHeaderBytes + body_bytes <= buffer_.size() - used_bytes_);
  std::byte* at = buffer_.data() + used_bytes_;
  store_entry_header(at, type, body_bytes);
  used_bytes_ += kRoundEntryHeaderBytes + body_bytes;
  return at + kRoundEntryHeaderBytes;
}

void RoundWriter::add_frame(const Frame& frame) {
  std::byte* to = put_entry_header(static_cast<std::uint8_t>(EntryType::kFrame), frame.encoded_bytes());
  encode_frame_header(frame.header, frame.payload.span(), to);
  std::memcpy(to + kFrameHeaderBytes, frame.payload.data(), frame.payload.size());
}

void RoundWriter::add_record(ByteSpan record_entry) {
  FOREBAY_ASSERT(record_entry.size() <= buffer_.size() - used_bytes_);
  std::memcpy(buffer_.data() + used_bytes_, record_entry.data(), record_entry.size());
  used_bytes_ += record_entry.size();
}

void RoundWriter::add_checkpoint_part(ByteSpan part) {
  std::byte* to = put_entry_header(static_cast<std::uint8_t>(EntryType::kCheckpointPart), part.size());
  if (!part.empty()) std::memcpy(to, part.data(), part.size());
}

void RoundWriter::checksum() {
  content_crc_ = crc32c_extend(content_crc_,
                               ByteSpan(buffer_).subspan(content_crc_upto_, used_bytes_ - content_crc_upto_));
  content_crc_upto_ = used_bytes_;
}

ByteSpan RoundWriter::seal(RoundHeader& header) {
  header.used_bytes = static_cast<std::uint32_t>(used_bytes_);
  header.directory_bytes = static_cast<std::uint32_t>(directory_bytes_);
  const std::size_t whole = header.blocks_bytes();
  FOREBAY_ASSERT(whole <= buffer_.size());
  std::memset(buffer_.data() + used_bytes_, 0, whole - used_bytes_);
  const std::uint32_t content =
      crc32c_extend(content_crc_, ByteSpan(buffer_).subspan(content_crc_upto_, whole - content_crc_upto_));
  return put_header(buffer_, header, content);
}

ByteSpan reseal_round(std::span<std::byte> buffer, RoundHeader& header) {
  const std::size_t whole = header.blocks_bytes();
  FOREBAY_ASSERT(whole <= buffer.size());
  return put_header(buffer, header, crc32c(buffer.subspan(kRoundHeaderBytes, whole - kRoundHeaderBytes)));
}

Result<RoundHeader> decode_round_header(ByteSpan bytes) {
  if (bytes.size() < kRoundHeaderBytes) return corrupt("shorter than its header");
  const std::byte* from = bytes.data();
  if (load_le<std::uint64_t>(from) != kMagic) return corrupt("no round begins here");
  RoundHeader header;
  const auto version = load_le<std::uint16_t>(from + 12);
  header.crc = load_le<std::uint32_t>(from + kCrcAt);
  header.boot_epoch = model::BootEpoch(load_le<std::uint64_t>(from + 16));
  header.epoch_seed = load_le<std::uint64_t>(from + 24);
  header.sequence = RoundSequence(load_le<std::uint64_t>(from + 32));
  header.previous = RoundSequence(load_le<std::uint64_t>(from + 40));
  header.live_from = RoundSequence(load_le<std::uint64_t>(from + 48));
  header.file_number = load_le<std::uint64_t>(from + 56);
  header.wall_time = model::Timestamp(load_le<std::int64_t>(from + 64));
  header.previous_crc = load_le<std::uint32_t>(from + 72);
  header.shard = load_le<std::uint32_t>(from + 76);
  header.used_bytes = load_le<std::uint32_t>(from + 80);
  header.directory_bytes = load_le<std::uint32_t>(from + 84);
  header.checkpoint_part = load_le<std::uint32_t>(from + 88);
  header.checkpoint_parts = load_le<std::uint32_t>(from + 92);
  header.checkpoint_id = RoundSequence(load_le<std::uint64_t>(from + 96));
  header.next_file = load_le<std::uint64_t>(from + 104);
  const auto kind = load_le<std::uint8_t>(from + 14);
  const auto flags = load_le<std::uint8_t>(from + 15);
  if (header.used_bytes < kRoundHeaderBytes || header.blocks_bytes() > bytes.size() ||
      header.directory_bytes > header.used_bytes - kRoundHeaderBytes) {
    return corrupt("impossible length");
  }
  if (version != kVersion || kind < 1 || kind > 3 || (flags & ~kFlagClean) != 0)
    return corrupt("unknown kind");
  header.kind = static_cast<RoundKind>(kind);
  header.clean = (flags & kFlagClean) != 0;
  if (header.previous >= header.sequence || header.live_from > header.sequence) return corrupt("wrong order");
  if (header.kind == RoundKind::kCheckpoint && header.checkpoint_part >= header.checkpoint_parts) {
    return corrupt("wrong checkpoint part");
  }
  return header;
}

bool round_crc_matches(const RoundHeader& header, ByteSpan bytes) {
  return crc32c(bytes.subspan(kCrcBegin, header.blocks_bytes() - kCrcBegin)) == header.crc;
}

Result<RoundContent> decode_round(const RoundHeader& header, ByteSpan bytes) {
  RoundContent content;
  FOREBAY_CHECK(decode_directory(bytes.subspan(kRoundHeaderBytes, header.directory_bytes), content));
  const std::size_t begin = kRoundHeaderBytes + header.directory_bytes;
  ByteSpan left = bytes.subspan(begin, header.used_bytes - begin);
  while (!left.empty()) {
    FOREBAY_TRY(const Entry entry, next_entry(left));
    switch (entry.type) {
      case EntryType::kFrame: {
        auto frame = decode_frame_header(entry.body);
        if (!frame || frame->payload_bytes != entry.body.size() - kFrameHeaderBytes) {
          ++content.unreadable_entries;
          break;
        }
        content.entries.emplace_back(
            RoundFrame{*frame, static_cast<std::uint32_t>(entry.body.data() - bytes.data())});
        break;
      }
      case EntryType::kRecord: {
        FOREBAY_TRY(auto record, decode_record(entry.body));
        content.entries.emplace_back(std::move(record));
        break;
      }
      case EntryType::kCheckpointPart:
        if (header.kind != RoundKind::kCheckpoint || !content.checkpoint_part.empty()) {
          return corrupt("checkpoint part out of place");
        }
        content.checkpoint_part = entry.body;
        break;
      default:
        return corrupt("entry of an unknown type");
    }
  }
  return content;
}

}  // namespace forebay::log
