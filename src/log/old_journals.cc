#include "log/old_journals.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "log/core/damage.h"
#include "log/journal_seed.h"

namespace forebay::log {
namespace {

constexpr std::size_t kReadBytes = 4U << 20;
constexpr std::size_t kBlock = io::kBlockBytes;

}  // namespace

Result<OldJournals> find_journals(io::FileSystem& fs, const std::string& data_dir) {
  OldJournals old;
  FOREBAY_TRY(const std::string boot_bytes, io::read_file(fs, boot_path(data_dir)));
  FOREBAY_TRY(old.boot, decode_boot(as_bytes(boot_bytes)));
  old.highest_epoch = old.boot.epoch;
  if (!fs.exists(journal_root(data_dir))) return old;
  FOREBAY_TRY(const auto epochs, fs.list(journal_root(data_dir)));
  for (const io::DirectoryEntry& entry : epochs) {
    const auto epoch = parse_epoch_directory_name(entry.name);
    if (!entry.is_directory || !epoch) continue;
    old.highest_epoch = std::max(old.highest_epoch, *epoch);
    old.directories.push_back(journal_root(data_dir) + "/" + entry.name);
  }
  if (old.boot.epoch.value() == 0) return old;
  const std::string directory = journal_directory(data_dir, old.boot.epoch);
  if (!fs.exists(directory)) return old;
  FOREBAY_TRY(const auto files, fs.list(directory));
  for (const io::DirectoryEntry& entry : files) {
    const auto name = parse_journal_file_name(entry.name);
    if (entry.is_directory || !name) continue;
    old.files[name->shard].push_back(
        {entry.name, directory + "/" + entry.name, name->number, entry.size_bytes});
  }
  for (auto& [shard, list] : old.files) {
    std::sort(list.begin(), list.end(),
              [](const OldFile& a, const OldFile& b) { return a.number < b.number; });
  }
  return old;
}

OldJournalReader::ShardState OldJournalReader::read_shard(std::uint32_t shard,
                                                          const std::vector<OldFile>& files) {
  std::vector<FileScan> scans;
  ShardState state;
  unreadable_.clear();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::size_t bytes = read_whole(files[i]);
    const JournalFileIdentity identity{boot_.epoch, boot_.seed, shard, files[i].number};
    scans.push_back(
        scan_journal_file(ByteSpan(buffer_.span()).first(bytes), identity, static_cast<std::uint32_t>(i)));
  }
  const JournalChain chain = chain_rounds(scans);
  RecoveryFold fold;
  for (const ChainLink& link : chain.links) {
    fold.apply(*link.round, link.lost_before);
    report_.last_wall_time = std::max(report_.last_wall_time, link.round->header.wall_time);
    report_.bytes_read += link.round->header.blocks_bytes();
  }
  state.clean = !chain.links.empty() && chain.links.back().round->header.clean;
  const bool may_hide = !chain.links.empty() && !state.clean &&
                        (chain.end_is_lost || may_hide_rounds(*chain.links.back().round, files));
  if (may_hide) {
    fold.lose_what_follows();
    report_.notes.push_back("the newest rounds of shard " + std::to_string(shard) +
                            " are lost, or may be with what cannot be read or is missing: no log's end is "
                            "certain");
  }
  state.fold = fold.finish();
  state.whole = state.fold.checkpoint_seen && chain.rotten_rounds == 0 && !may_hide && unreadable_.empty();
  report_.rounds_read += chain.links.size();
  report_.torn_bytes_cut += chain.torn_bytes;
  report_.rotten_rounds += chain.rotten_rounds;
  if (chain.links.empty()) {
    report_.notes.push_back("the journal of shard " + std::to_string(shard) + " holds no valid round");
  }
  if (chain.rotten_rounds > 0 || chain.links.empty() || may_hide || !unreadable_.empty()) {
    // Which file held a missing round is not known when its header is gone: keep them all.
    for (const OldFile& file : files) state.damaged_files.push_back(file.name);
  }
  return state;
}

std::vector<std::vector<FramePtr>> OldJournalReader::read_tails(std::vector<FoldedPartition>& partitions,
                                                                const std::vector<OldFile>& files) {
  struct Wanted {
    FrameLocation at;
    std::size_t partition = 0;
    std::size_t index = 0;
  };
  std::vector<std::vector<FramePtr>> tails(partitions.size());
  std::vector<Wanted> wanted;
  for (std::size_t p = 0; p < partitions.size(); ++p) {
    tails[p].resize(partitions[p].tail.size());
    for (std::size_t i = 0; i < partitions[p].tail.size(); ++i) {
      wanted.push_back({partitions[p].tail[i].at, p, i});
    }
  }
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return std::tie(a.at.file, a.at.offset) < std::tie(b.at.file, b.at.offset);
  });
  for (const Wanted& want : wanted) {
    const ScannedFrame& frame = partitions[want.partition].tail[want.index];
    tails[want.partition][want.index] = read_frame(frame, files[want.at.file]);
  }
  for (std::size_t p = 0; p < partitions.size(); ++p) {
    if (drop_unread(partitions[p], tails[p])) frames_unread_ = true;
  }
  return tails;
}

bool OldJournalReader::may_hide_rounds(const ScannedRound& last, const std::vector<OldFile>& files) const {
  const std::uint64_t next_file = last.header.next_file;
  // One that was made whole, and is empty now, is as good as missing.
  const auto is_next = [&](const OldFile& file) { return file.number == next_file && file.size_bytes > 0; };
  if (next_file != 0 && std::none_of(files.begin(), files.end(), is_next)) return true;
  const std::uint64_t behind = last.file_offset + last.header.blocks_bytes();
  // All files of an epoch are made in one size, before they are used: a shorter one was cut.
  const OldFile& written_on = files[last.file];
  const bool is_cut = std::any_of(files.begin(), files.end(), [&](const OldFile& file) {
    return file.size_bytes > written_on.size_bytes;
  });
  if (is_cut && behind >= written_on.size_bytes) return true;
  return std::any_of(unreadable_.begin(), unreadable_.end(), [&](const Unreadable& part) {
    const bool covers_behind = part.path == written_on.path && part.begin <= behind && behind < part.end;
    return part.begin == 0 || covers_behind;
  });
}

bool OldJournalReader::drop_unread(FoldedPartition& folded, std::vector<FramePtr>& tail) {
  for (std::size_t i = 0; i < tail.size(); ++i) {
    if (tail[i]) continue;
    const FrameHeader& header = folded.tail[i].header;
    add_lost_range(folded.state.damage, header.begin, header.end);
    report_.notes.push_back("partition " + folded.state.id.to_string() +
                            ": a frame of the journal cannot be read again; " + header.begin.to_string() +
                            " is lost");
  }
  return std::erase(tail, nullptr) > 0;
}

std::size_t OldJournalReader::read_whole(const OldFile& file) {
  const auto bytes = static_cast<std::size_t>(io::round_up_to_block(file.size_bytes));
  if (buffer_.size() < bytes) buffer_ = io::AlignedBuffer(bytes);
  window_file_.clear();
  auto opened = fs_.open(file.path, io::OpenMode::kRead, io::Caching::kDirect);
  if (!opened) {
    report_.notes.push_back("journal file " + file.name + " cannot be opened: " + opened.error().context);
    unreadable_.push_back({file.path, 0, file.size_bytes});
    return 0;
  }
  std::size_t end = 0;
  for (std::size_t at = 0; at < bytes; at += kReadBytes) {
    const auto piece = buffer_.span().subspan(at, std::min(kReadBytes, bytes - at));
    const auto got = (*opened)->read_now(at, piece);
    if (!got) {
      std::memset(piece.data(), 0, piece.size());
      unreadable_.push_back({file.path, at, at + piece.size()});
      report_.notes.push_back("journal file " + file.name + " cannot be read at " + std::to_string(at) +
                              ": " + got.error().context);
    } else if (*got < piece.size()) {
      std::memset(piece.data() + *got, 0, piece.size() - *got);
    }
    end = at + piece.size();
  }
  return end;
}

FramePtr OldJournalReader::read_frame(const ScannedFrame& frame, const OldFile& file) {
  const std::size_t bytes = kFrameHeaderBytes + frame.header.payload_bytes;
  if (!load_window(file, frame.at.offset, bytes)) return nullptr;
  const ByteSpan here = ByteSpan(buffer_.span()).subspan(frame.at.offset - window_begin_, bytes);
  const auto header = decode_frame_header(here);
  const ByteSpan payload = here.subspan(kFrameHeaderBytes);
  if (!header || *header != frame.header || !check_frame_payload(*header, payload)) return nullptr;
  return std::make_shared<const Frame>(Frame{*header, SharedBytes::copy_of(payload)});
}

bool OldJournalReader::load_window(const OldFile& file, std::uint64_t offset, std::size_t bytes) {
  const bool inside = window_file_ == file.path && offset >= window_begin_ && offset + bytes <= window_end_;
  if (inside) return true;
  const std::uint64_t begin = offset / kBlock * kBlock;
  const std::uint64_t ahead =
      std::min<std::uint64_t>(kReadBytes, io::round_up_to_block(file.size_bytes) - begin);
  const auto wanted =
      static_cast<std::size_t>(std::max(io::round_up_to_block(offset + bytes) - begin, ahead));
  if (buffer_.size() < wanted) buffer_ = io::AlignedBuffer(wanted);
  window_file_.clear();
  if (open_path_ != file.path) {
    auto opened = fs_.open(file.path, io::OpenMode::kRead, io::Caching::kDirect);
    if (!opened) return false;
    open_file_ = std::move(*opened);
    open_path_ = file.path;
  }
  const auto got = open_file_->read_now(begin, buffer_.span().first(wanted));
  if (!got || begin + *got < offset + bytes) return false;
  window_file_ = file.path;
  window_begin_ = begin;
  window_end_ = begin + *got;
  return true;
}

}  // namespace forebay::log
