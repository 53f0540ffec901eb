// Arbitrary bytes as the files of a journal: scan, chain, fold; and as frame, control payload, record,
// checkpoint, BOOT and FORMAT. In most inputs the checksums of rounds are put right first, so that what lies
// behind them is reached. Whatever comes in, what comes out is consistent.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/recovery_fold.h"
#include "log/data_directory.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kSeed = 0x1122334455667788;
constexpr JournalFileIdentity kIdentity{model::BootEpoch(9), kSeed, 2, 5};

// Makes a round of every block that says it is one.
void repair(std::vector<std::byte>& file) {
  for (std::size_t at = 0; at + kRoundBlockBytes <= file.size();) {
    std::byte* round = file.data() + at;
    store_le(round + 16, kIdentity.epoch.value());
    store_le(round + 24, kIdentity.seed);
    store_le(round + 56, kIdentity.file_number);
    store_le(round + 76, kIdentity.shard);
    const auto header = decode_round_header({round, file.size() - at});
    if (!header) {
      at += kRoundBlockBytes;
      continue;
    }
    store_le(round + 8, crc32c({round + 12, header->blocks_bytes() - 12}));
    at += header->blocks_bytes();
  }
}

void check_partition(const FoldedPartition& partition) {
  model::LogPosition at = partition.state.segment_end;
  for (const ScannedFrame& frame : partition.tail) {
    FOREBAY_ASSERT(frame.header.begin < frame.header.end);
    FOREBAY_ASSERT(frame.header.begin >= at);
    at = frame.header.end;
  }
  FOREBAY_ASSERT(at <= partition.end);
}

void journal(ByteSpan input) {
  std::vector<std::byte> file(input.begin(), input.end());
  file.resize((file.size() + kRoundBlockBytes - 1) / kRoundBlockBytes * kRoundBlockBytes);
  repair(file);
  const std::vector<FileScan> scans{scan_journal_file(file, kIdentity, 0)};
  const JournalChain chain = chain_rounds(scans);
  FOREBAY_ASSERT(chain.links.size() <= scans[0].rounds.size());
  RecoveryFold fold;
  for (const ChainLink& link : chain.links) fold.apply(*link.round, link.lost_before);
  for (const FoldedPartition& partition : fold.finish().partitions) check_partition(partition);
}

void frame(ByteSpan input) {
  const auto header = decode_frame_header(input);
  if (!header) return;
  const ByteSpan payload = input.subspan(kFrameHeaderBytes);
  if (!check_frame_payload(*header, payload)) return;
  std::byte again[kFrameHeaderBytes];
  encode_frame_header(*header, payload, again);
  FOREBAY_ASSERT(std::equal(std::begin(again), std::end(again), input.begin()));
}

void small(ByteSpan input) {
  if (const auto control = decode_control(input))
    FOREBAY_ASSERT(encode_control(*control).size() == input.size());
  if (const auto record = decode_record(input)) {
    std::vector<std::byte> again;
    WireWriter out(again);
    put_record(out, record->id, record->record);
    FOREBAY_ASSERT(again.size() == input.size());
  }
  if (const auto checkpoint = decode_checkpoint(input)) {
    FOREBAY_ASSERT(encode_checkpoint(*checkpoint).size() == input.size());
  }
  (void)decode_boot(input);
  (void)decode_format(as_text(input));
}

}  // namespace
}  // namespace forebay::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const forebay::ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      forebay::log::journal(input);
      break;
    case 1:
      forebay::log::frame(input);
      break;
    default:
      forebay::log::small(input);
      break;
  }
  return 0;
}
