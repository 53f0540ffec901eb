// The file that says under which process id the daemon runs. Written by rename, so that whoever reads it sees
// a whole number or no file. What a crash leaves behind is overwritten by the next start.
// Thread rules: the main thread.
#pragma once

#include <string>

#include "base/result.h"

namespace forebay::daemon {

class PidFile {
 public:
  // Writes this process's id, and removes the file again when the object dies. An empty path: no file.
  // Errors: kStorageFailed.
  [[nodiscard]] static Result<PidFile> write(const std::string& path);
  PidFile() = default;
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) noexcept;
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

 private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  void remove();

  std::string path_;  // absolute; empty: nothing to remove
};

}  // namespace forebay::daemon
