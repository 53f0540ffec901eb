#include "log/core/journal_scan.h"

#include <algorithm>

namespace forebay::log {
namespace {

bool belongs(const RoundHeader& header, const JournalFileIdentity& identity) {
  return header.boot_epoch == identity.epoch && header.epoch_seed == identity.seed &&
         header.shard == identity.shard && header.file_number == identity.file_number &&
         header.sequence.value() > 0;
}

bool take_apart(ByteSpan bytes, ScannedRound& round) {
  auto content = decode_round(round.header, bytes);
  if (!content) return false;
  round.directory = std::move(content->directory);
  round.repeated = std::move(content->repeated);
  round.unreadable_entries = content->unreadable_entries;
  round.checkpoint_part.assign(content->checkpoint_part.begin(), content->checkpoint_part.end());
  round.entries.reserve(content->entries.size());
  for (auto& entry : content->entries) {
    if (const auto* frame = std::get_if<RoundFrame>(&entry)) {
      round.entries.emplace_back(
          ScannedFrame{frame->header, {round.file, round.file_offset + frame->offset}});
    } else {
      round.entries.emplace_back(std::move(std::get<PartitionRecord>(entry)));
    }
  }
  return true;
}

}  // namespace

FileScan scan_journal_file(ByteSpan bytes, const JournalFileIdentity& identity, std::uint32_t file) {
  FileScan scan;
  std::uint64_t offset = 0;
  while (offset + kRoundBlockBytes <= bytes.size()) {
    const ByteSpan here = bytes.subspan(offset);
    const auto header = decode_round_header(here);
    if (!header || !belongs(*header, identity)) {
      offset += kRoundBlockBytes;
      continue;
    }
    ScannedRound round;
    round.header = *header;
    round.file = file;
    round.file_offset = offset;
    if (round_crc_matches(*header, here) && take_apart(here, round)) {
      scan.rounds.push_back(std::move(round));
      offset += header->blocks_bytes();
    } else {
      scan.broken.push_back({header->sequence, header->previous, file, offset, header->blocks_bytes()});
      offset += kRoundBlockBytes;
    }
  }
  return scan;
}

JournalChain chain_rounds(std::span<const FileScan> files) {
  JournalChain chain;
  std::vector<const ScannedRound*> all;
  for (const FileScan& file : files) {
    for (const ScannedRound& round : file.rounds) all.push_back(&round);
  }
  std::sort(all.begin(), all.end(), [](const ScannedRound* a, const ScannedRound* b) {
    return a->header.sequence < b->header.sequence;
  });
  RoundSequence last{};
  if (!all.empty()) {
    const RoundHeader& newest = all.back()->header;
    last = newest.sequence;
    const RoundSequence live_from = newest.live_from;
    // Backwards along `previous`: what lies between was abandoned after a failed write.
    std::size_t at = all.size();
    chain.links.push_back({all[--at], 0});
    while (chain.links.back().round->header.previous >= live_from &&
           chain.links.back().round->header.previous.value() != 0) {
      const RoundHeader& follower = chain.links.back().round->header;
      while (at > 0 && all[at - 1]->header.sequence > follower.previous) --at;
      // A sequence is never used for two contents; should there be two, the chain says which one counts.
      std::size_t candidate = at;
      while (candidate > 0 && all[candidate - 1]->header.sequence == follower.previous &&
             all[candidate - 1]->header.crc != follower.previous_crc) {
        --candidate;
      }
      const bool found = candidate > 0 && all[candidate - 1]->header.sequence == follower.previous;
      at = candidate;
      const bool any = at > 0 && all[at - 1]->header.sequence >= live_from;
      const std::uint64_t below = any ? all[at - 1]->header.sequence.value() : live_from.value() - 1;
      if (!found) {
        chain.links.back().lost_before = follower.previous.value() - below;
        chain.rotten_rounds += chain.links.back().lost_before;
      }
      if (!any) break;
      chain.links.push_back({all[--at], 0});
    }
    std::reverse(chain.links.begin(), chain.links.end());
  }
  for (const FileScan& file : files) {
    for (const BrokenRound& broken : file.broken) {
      if (broken.sequence <= last) continue;
      chain.torn_bytes += broken.bytes;
      chain.end_is_lost = chain.end_is_lost || (last < broken.previous && broken.previous < broken.sequence);
    }
  }
  return chain;
}

}  // namespace forebay::log
