#include "node_harness.h"

#include <map>

#include "log/core/journal_scan.h"
#include "log/data_directory.h"

namespace forebay::partition {

std::optional<std::string> NodeHarness::rot_a_round(sim::SimRng& rng) {
  struct Place {
    std::string path;
    std::uint64_t offset = 0;
    log::RoundHeader header;
  };
  sim::SimDisk& disk = machine_.disk();
  const auto boot = log::decode_boot(*disk.content(kDataDir + "/BOOT"));
  const std::string directory = log::journal_directory(kDataDir, boot->epoch) + "/";
  std::map<std::uint32_t, std::vector<Place>> shards;
  for (const std::string& path : disk.files()) {
    if (!path.starts_with(directory)) continue;
    const auto name = log::parse_journal_file_name(path.substr(directory.size()));
    const auto scan =
        log::scan_journal_file(*disk.content(path), {boot->epoch, boot->seed, name->shard, name->number}, 0);
    for (const auto& round : scan.rounds) {
      shards[name->shard].push_back({path, round.file_offset, round.header});
    }
  }
  std::vector<Place>& rounds = shards[static_cast<std::uint32_t>(rng.below(shards.size()))];
  std::sort(rounds.begin(), rounds.end(),
            [](const Place& a, const Place& b) { return a.header.sequence < b.header.sequence; });
  const log::RoundSequence live_from = rounds.back().header.live_from;
  rounds.pop_back();
  std::erase_if(rounds, [&](const Place& place) { return place.header.sequence < live_from; });
  if (rounds.empty()) return std::nullopt;
  const Place& place = rounds[rng.below(rounds.size())];
  disk.flip_bit(place.path, place.offset * 8 + rng.below(std::uint64_t{place.header.used_bytes} * 8));
  return "round " + std::to_string(place.header.sequence.value()) + " of " + place.path;
}

}  // namespace forebay::partition
