// Shows what a node finds committed in its replica of `__groups`, record by record.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "model/record_iterator.h"
#include "partition/partition.h"
#include "runtime/executor.h"

namespace forebay::sim {

class GroupLogReader {
 public:
  using Show = std::function<void(model::Offset at, ByteSpan record)>;
  // Of one life of the node. Everything outlives it.
  GroupLogReader(partition::Partition& log, runtime::Executor& executor, Show show)
      : log_(log),
        executor_(executor),
        show_(std::move(show)),
        alive_(std::make_shared<GroupLogReader*>(this)) {
    read();
  }
  ~GroupLogReader() {
    *alive_ = nullptr;
    log_.cancel_fetch(fetch_);
  }
  GroupLogReader(const GroupLogReader&) = delete;
  GroupLogReader& operator=(const GroupLogReader&) = delete;

 private:
  void read() {
    next_ = std::max(next_, log_.watermarks().log_start);
    fetch_ = log_.fetch({.from = next_,
                         .bytes_max = 1U << 20,
                         .bytes_min = 1,
                         .wait_max = std::chrono::hours(1),
                         .from_any_replica = true},
                        [alive = alive_](Result<partition::FetchOutput> fetched) {
                          if (*alive != nullptr) (*alive)->on_frames(fetched);
                        });
  }
  void on_frames(const Result<partition::FetchOutput>& fetched) {
    if (fetched) {
      for (const auto& frame : fetched->frames) show(frame->payload.span());
      next_ = std::max(next_, fetched->next);
    }
    // Damage, or a place that is trimmed: later, or behind it.
    executor_.schedule_after(fetched ? runtime::Duration(0) : std::chrono::milliseconds(20),
                             [alive = alive_] {
                               if (*alive != nullptr) (*alive)->read();
                             });
  }
  void show(ByteSpan batch) {
    const auto view = model::RecordBatchView::parse(batch, model::CrcCheck::kSkip);
    std::vector<std::byte> scratch;
    static_cast<void>(model::for_each_record(*view, std::numeric_limits<std::int32_t>::max(), scratch,
                                             [this](const model::RecordView& record) {
                                               if (record.offset < next_ || !record.value) return;
                                               show_(record.offset, *record.value);
                                             }));
  }

  partition::Partition& log_;
  runtime::Executor& executor_;
  Show show_;
  model::Offset next_;
  partition::FetchId fetch_{};
  std::shared_ptr<GroupLogReader*> alive_;
};

}  // namespace forebay::sim
