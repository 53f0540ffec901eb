// Empties the trash: folders of deleted replicas, named <...>-<time in ms>, go for good when they are old
// enough. Thread rules: the home executor; the work is done on the pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/file_system.h"
#include "runtime/executor.h"

namespace forebay::broker {

// When the folder of that name was put there; nothing when the name is not of the trash's making (such are
// left alone).
[[nodiscard]] std::optional<model::Timestamp> trashed_at(std::string_view folder);

class Trash {
 public:
  Trash(std::string path, std::chrono::milliseconds delay, io::FileSystem& fs, runtime::Executor& home,
        runtime::BlockingPool& pool, runtime::WallClock& clock);
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  void start();
  // Blocking: one pass. Returns how many folders went.
  [[nodiscard]] static Result<std::size_t> sweep(io::FileSystem& fs, const std::string& path,
                                                 model::Timestamp now, std::chrono::milliseconds delay);

 private:
  void arm();
  std::string path_;
  std::chrono::milliseconds delay_;
  io::FileSystem& fs_;
  runtime::Executor& home_;
  runtime::BlockingPool& pool_;
  runtime::WallClock& clock_;
  std::optional<runtime::TimerId> timer_;
  std::shared_ptr<Trash*> alive_;
};

}  // namespace forebay::broker
