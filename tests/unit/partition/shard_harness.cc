#include "shard_harness.h"

#include "model/record_iterator.h"

namespace forebay::partition {

std::vector<std::pair<std::int64_t, std::string>> ShardHarness::read_all(Partition& partition) {
  std::vector<std::pair<std::int64_t, std::string>> values;
  model::Offset from = partition.watermarks().log_start;
  while (from < partition.watermarks().high_watermark) {
    const auto output = fetch(partition, {.from = from, .bytes_max = 4096});
    if (!output || !*output) {
      ADD_FAILURE() << (output ? output->error().to_string() : "never");
      return values;
    }
    for (const auto& frame : (*output)->frames) {
      const auto view = model::RecordBatchView::parse(frame->payload.span());
      EXPECT_TRUE(view) << view.error().to_string();
      std::vector<std::byte> scratch;
      EXPECT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
        if (record.offset >= from)
          values.emplace_back(record.offset.value(), std::string(as_text(*record.value)));
      }));
    }
    EXPECT_GT((*output)->next, from);
    from = (*output)->next;
  }
  return values;
}

}  // namespace forebay::partition
