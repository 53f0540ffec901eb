#include "daemon/pid_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace forebay::daemon {
namespace {

Error failed(const std::string& path, int error_number) {
  return {ErrorCode::kStorageFailed, "node.pid_file: '" + path +
                                         "' cannot be written: " + std::strerror(error_number) +
                                         "; name a file in a directory that this user may write to"};
}

}  // namespace

Result<PidFile> PidFile::write(const std::string& path) {
  if (path.empty()) return PidFile();
  std::error_code ignored;
  const std::string whole = std::filesystem::absolute(path, ignored).string();
  const std::string text = std::to_string(getpid()) + '\n';
  const std::string temporary = whole + '.' + std::to_string(getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return failed(path, errno);
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int write_error = written ? 0 : errno;
  ::close(file);
  if (written && std::rename(temporary.c_str(), whole.c_str()) == 0) return PidFile(whole);
  const Error error = failed(path, written ? errno : write_error);
  ::unlink(temporary.c_str());
  return error;
}

PidFile::PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

PidFile::~PidFile() { remove(); }

// Only its own: somebody may have started another daemon that took the name over.
void PidFile::remove() {
  if (path_.empty()) return;
  std::FILE* file = std::fopen(path_.c_str(), "re");
  if (file == nullptr) return;
  long pid = 0;
  const int read = std::fscanf(file, "%ld", &pid);
  std::fclose(file);
  if (read == 1 && pid == static_cast<long>(getpid())) ::unlink(path_.c_str());
}

}  // namespace forebay::daemon
