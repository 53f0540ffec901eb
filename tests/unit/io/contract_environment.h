// Where the contract tests of io::FileSystem run: on the simulated disk, and on the real one in each of its
// ways.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace forebay::io {

class ContractEnvironment {
 public:
  virtual ~ContractEnvironment() = default;
  [[nodiscard]] virtual FileSystem& file_system() = 0;
  [[nodiscard]] virtual std::string root() const = 0;  // an empty directory
  // Runs `start` on the thread that asynchronous calls are made on; returns when `finished` has been called
  // there.
  virtual void run(std::function<void(std::function<void()> finished)> start) = 0;
};

struct ContractCase {
  std::string name;
  std::function<std::unique_ptr<ContractEnvironment>()> make;
};

// With either engine.
[[nodiscard]] std::vector<ContractCase> simulated_cases();
// Every combination of {io_uring, helper threads} x {direct, page cache}, with usual and with tiny limits;
// one that this machine refuses makes nothing.
[[nodiscard]] std::vector<ContractCase> real_cases();

}  // namespace forebay::io
