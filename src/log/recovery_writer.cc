#include "log/recovery_writer.h"

#include <algorithm>

#include "base/assert.h"
#include "log/data_directory.h"

namespace forebay::log {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20;  // of zeros, and of the usual round

}  // namespace

std::size_t checkpoint_part_bytes(const JournalConfig& config) {
  return std::min<std::size_t>(config.round_bytes_max, config.file_bytes / 8);
}

RecoveryWriter::RecoveryWriter(io::FileSystem& fs, const JournalConfig& config, Place place)
    : fs_(fs), config_(config), wall_now_(place.wall_now) {
  seed_.data_dir = std::move(place.data_dir);
  seed_.epoch = place.epoch;
  seed_.epoch_seed = place.epoch_seed;
  seed_.shard = place.shard;
}

Result<void> RecoveryWriter::start(std::vector<CheckpointEntry> checkpoint) {
  checkpoint_ = std::move(checkpoint);
  for (CheckpointEntry& entry : checkpoint_) {
    const KnownEnd end = entry.end.value_or(KnownEnd{});
    place_in_checkpoint_[entry.state.id] = true_ends_.size();
    true_ends_.push_back(end);
    seed_.known.push_back({entry.state.id, entry.state.hard_state, end});
    // The frames come behind: a checkpoint must not claim an end that the rounds before it have not reached.
    entry.end = KnownEnd{entry.state.segment_end, {}};
  }
  return open_file();
}

Result<void> RecoveryWriter::open_file() {
  const std::uint64_t number = seed_.files.empty() ? 1 : seed_.files.back().number + 1;
  JournalSeed::File file;
  file.number = number;
  file.first_sequence = seed_.last_sequence.next();
  seed_.files.push_back(std::move(file));
  const std::string path =
      journal_directory(seed_.data_dir, seed_.epoch) + "/" + journal_file_name(seed_.shard, number);
  FOREBAY_TRY(file_, fs_.open(path, io::OpenMode::kCreate, io::Caching::kDirect));
  FOREBAY_CHECK(file_->allocate(config_.file_bytes));
  return write_checkpoint();
}

Result<void> RecoveryWriter::close_file() {
  // Zeros to the end: later durable writes meet no unwritten extents.
  const std::size_t piece_bytes = std::min<std::uint64_t>(kPieceBytes, config_.file_bytes);
  const auto zeros = buffer_for(piece_bytes);
  std::memset(zeros.data(), 0, piece_bytes);
  for (std::uint64_t at = seed_.files.back().used_bytes; at < config_.file_bytes; at += piece_bytes) {
    FOREBAY_CHECK(file_->write_now(
        at, ByteSpan(zeros).first(std::min<std::uint64_t>(piece_bytes, config_.file_bytes - at))));
  }
  FOREBAY_CHECK(file_->sync_now());
  file_.reset();
  return {};
}

std::span<std::byte> RecoveryWriter::buffer_for(std::size_t bytes) {
  if (buffer_.size() < bytes)
    buffer_ = io::AlignedBuffer(std::max(bytes, std::min<std::size_t>(kPieceBytes, config_.file_bytes)));
  return buffer_.span();
}

RoundHeader RecoveryWriter::next_header(RoundKind kind) const {
  RoundHeader header;
  header.kind = kind;
  header.boot_epoch = seed_.epoch;
  header.epoch_seed = seed_.epoch_seed;
  header.shard = seed_.shard;
  header.file_number = seed_.files.back().number;
  header.sequence = seed_.last_sequence.next();
  header.previous = seed_.last_sequence;
  header.previous_crc = seed_.last_crc;
  header.live_from = seed_.files.front().first_sequence;
  header.wall_time = wall_now_;
  return header;
}

Result<void> RecoveryWriter::write_round(RoundWriter& writer, RoundHeader header) {
  const ByteSpan bytes = writer.seal(header);
  JournalSeed::File& file = seed_.files.back();
  if (file.used_bytes + bytes.size() > config_.file_bytes) return too_small();
  FOREBAY_CHECK(file_->write_now(file.used_bytes, bytes));
  file.used_bytes += bytes.size();
  seed_.last_sequence = header.sequence;
  seed_.last_crc = header.crc;
  return {};
}

Result<void> RecoveryWriter::write_checkpoint() {
  const std::size_t part_bytes = checkpoint_part_bytes(config_);
  const std::vector<std::byte> encoded = encode_checkpoint(checkpoint_);
  const std::size_t parts = std::max<std::size_t>(1, (encoded.size() + part_bytes - 1) / part_bytes);
  const RoundSequence id = seed_.last_sequence.next();
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * part_bytes;
    const ByteSpan bytes = ByteSpan(encoded).subspan(begin, std::min(part_bytes, encoded.size() - begin));
    const std::size_t needed =
        round_blocks_bytes(kRoundHeaderBytes + directory_.size() + kRoundEntryHeaderBytes + bytes.size());
    if (seed_.files.back().used_bytes + needed > config_.file_bytes) return too_small();
    RoundWriter writer(buffer_for(needed));
    writer.add_directory(directory_);
    directory_.clear();
    writer.add_checkpoint_part(bytes);
    RoundHeader header = next_header(RoundKind::kCheckpoint);
    header.checkpoint_id = id;
    header.checkpoint_part = static_cast<std::uint32_t>(part);
    header.checkpoint_parts = static_cast<std::uint32_t>(parts);
    FOREBAY_CHECK(write_round(writer, header));
  }
  return {};
}

Error RecoveryWriter::too_small() const {
  const std::size_t checkpoint_bytes = encode_checkpoint(checkpoint_).size();
  return {ErrorCode::kInvalidConfig,
          "a file of the journal, " + std::to_string(config_.file_bytes) +
              " bytes, has no room for the state of the " + std::to_string(checkpoint_.size()) +
              " partitions of shard " + std::to_string(seed_.shard) + ", " +
              std::to_string(checkpoint_bytes) +
              " bytes, and what must follow it: raise storage.journal_file_bytes; nothing was changed"};
}

Result<void> RecoveryWriter::add(const FramePtr& frame) {
  const std::size_t bytes = RoundWriter::frame_entry_bytes(*frame);
  if (!pending_.empty() && pending_bytes_ + bytes > config_.round_bytes_max) FOREBAY_CHECK(write_frames());
  pending_.push_back(frame);
  pending_bytes_ += bytes;
  return {};
}

Result<void> RecoveryWriter::write_frames() {
  if (pending_.empty()) return {};
  const std::size_t needed = round_blocks_bytes(kRoundHeaderBytes + directory_.size() + pending_bytes_);
  if (seed_.files.back().used_bytes + needed > config_.file_bytes) {
    FOREBAY_CHECK(close_file());
    FOREBAY_CHECK(open_file());
  }
  RoundWriter writer(buffer_for(needed));
  writer.add_directory(directory_);
  directory_.clear();
  auto& highest = seed_.files.back().highest;
  std::map<model::TopicPartition, KnownEnd> ends;
  for (const FramePtr& frame : pending_) {
    writer.add_frame(*frame);
    const FrameHeader& header = frame->header;
    ends[header.partition] = {header.end, header.term};
    highest[header.partition] = header.end;
  }
  WireWriter out(directory_);
  for (const auto& [id, end] : ends) {
    put_directory_entry(out, {id, end, std::nullopt, std::nullopt});
    checkpoint_[place_in_checkpoint_.at(id)].end = end;
  }
  FOREBAY_CHECK(write_round(writer, next_header(RoundKind::kData)));
  pending_.clear();
  pending_bytes_ = 0;
  return {};
}

Result<JournalSeed> RecoveryWriter::finish() {
  FOREBAY_CHECK(write_frames());
  for (std::size_t i = 0; i < checkpoint_.size(); ++i) checkpoint_[i].end = true_ends_[i];
  const std::size_t checkpoint_bytes = encode_checkpoint(checkpoint_).size();
  const std::size_t parts = checkpoint_bytes / checkpoint_part_bytes(config_) + 1;
  // Directory, parts with their headers, and the empty round.
  const std::size_t needed =
      round_blocks_bytes(directory_.size() + checkpoint_bytes) + (parts + 2) * kRoundBlockBytes;
  if (seed_.files.back().used_bytes + needed > config_.file_bytes) {
    FOREBAY_CHECK(close_file());
    FOREBAY_CHECK(open_file());
  } else {
    FOREBAY_CHECK(write_checkpoint());
  }
  RoundWriter writer(buffer_for(kRoundBlockBytes));
  FOREBAY_CHECK(write_round(writer, next_header(RoundKind::kIdle)));
  FOREBAY_CHECK(close_file());
  return std::move(seed_);
}

}  // namespace forebay::log
