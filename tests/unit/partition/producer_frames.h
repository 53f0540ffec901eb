// Frames of producers, one behind the other, as a log holds them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/core/frame.h"
#include "model/record_batch.h"

namespace forebay::partition {

// The head of a batch as a producer sends it.
[[nodiscard]] model::BatchHeader head_of(std::int64_t id, std::int16_t epoch, std::int32_t sequence,
                                         std::int32_t records = 1);

class ProducerFrames {
 public:
  // Each returns the frame that is the last one now.
  const log::Frame& batch(const model::BatchHeader& head);
  const log::Frame& batch(std::int64_t id, std::int16_t epoch, std::int32_t sequence,
                          std::int32_t records = 1) {
    return batch(head_of(id, epoch, sequence, records));
  }
  const log::Frame& plain(std::int32_t records = 1) { return batch(head_of(-1, -1, -1, records)); }
  const log::Frame& fence(std::int64_t id, std::int16_t epoch);
  const log::Frame& position(std::int64_t id, std::int16_t epoch, std::int32_t last_sequence,
                             const std::string& source, const std::string& position);
  const log::Frame& forgotten(model::Timestamp silent_before, model::Timestamp quiet_before);

  [[nodiscard]] const std::vector<log::Frame>& all() const { return frames_; }
  [[nodiscard]] model::LogPosition end() const { return end_; }
  void truncate(model::LogPosition to);

  model::Timestamp now{1'000'000};  // append time of the next frame

 private:
  const log::Frame& add(log::Frame frame, model::LogPosition end);
  std::vector<log::Frame> frames_;
  model::LogPosition end_;
};

}  // namespace forebay::partition
