// One simulated machine: a disk that stays, and the process that runs on it now (one shard). It has a
// scheduler of its own, or shares one with the other machines of a world (sim_network.h). Tests of a single
// node need nothing else:
//
//   sim::SimMachine machine(seed);
//   machine.disk().crash_at_step(n);
//   ... run on machine.executor(), machine.file_system(), until machine.disk().power_is_off() ...
//   ... destroy the objects of the process ...
//   machine.reboot(sim::Landing::kSeeded);
//   ... start again on machine.executor(), machine.file_system() ...
#pragma once

#include <memory>
#include <utility>

#include "sim/sim_disk.h"
#include "sim/sim_executor.h"
#include "sim/sim_file_system.h"

namespace forebay::sim {

class SimMachine {
 public:
  explicit SimMachine(std::uint64_t seed) : SimMachine(seed, SimDisk::Options{}) {}
  SimMachine(std::uint64_t seed, SimDisk::Options disk)
      : SimMachine(std::make_unique<SimScheduler>(SimScheduler::Options{.seed = seed}), nullptr, disk) {}
  // One of several that share virtual time; what they draw comes from the scheduler's seed.
  SimMachine(SimScheduler& shared, SimDisk::Options disk) : SimMachine(nullptr, &shared, disk) {}
  SimMachine(const SimMachine&) = delete;
  SimMachine& operator=(const SimMachine&) = delete;

  [[nodiscard]] SimScheduler& scheduler() { return scheduler_; }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] SimWallClock& wall_clock() { return wall_clock_; }
  [[nodiscard]] SimRng& rng() { return rng_; }
  // Of the process that runs now; replaced by the three calls below.
  [[nodiscard]] SimExecutor& executor() { return *executor_; }
  [[nodiscard]] SimFileSystem& file_system() { return *file_system_; }
  [[nodiscard]] SimBlockingPool& pool() { return *pool_; }

  // The objects of the process should be gone: nothing that they left behind runs. The power goes (if it has
  // not yet) and comes back; or only the process dies.
  void reboot(Landing landing) {
    stop_process();
    disk_.crash(landing);
    start_process();
  }
  void kill_and_restart(Landing in_flight) {
    stop_process();
    disk_.kill_process(in_flight);
    start_process();
  }
  void kill_and_restart_with_late_writes() {
    stop_process();
    disk_.kill_process_with_late_writes();
    start_process();
  }

 private:
  SimMachine(std::unique_ptr<SimScheduler> own, SimScheduler* shared, SimDisk::Options disk)
      : own_scheduler_(std::move(own)),
        scheduler_(shared != nullptr ? *shared : *own_scheduler_),
        disk_(scheduler_, disk),
        wall_clock_(scheduler_),
        rng_(scheduler_.fork_rng()) {
    start_process();
  }
  void stop_process() {
    executor_->kill();
    pool_->kill();
  }
  void start_process() {
    file_system_.reset();
    pool_ = std::make_unique<SimBlockingPool>(scheduler_);
    executor_ = std::make_unique<SimExecutor>(scheduler_);
    file_system_ = std::make_unique<SimFileSystem>(disk_, *executor_);
  }

  std::unique_ptr<SimScheduler> own_scheduler_;
  SimScheduler& scheduler_;
  SimDisk disk_;
  SimWallClock wall_clock_;
  SimRng rng_;
  std::unique_ptr<SimExecutor> executor_;
  std::unique_ptr<SimBlockingPool> pool_;
  std::unique_ptr<SimFileSystem> file_system_;
};

}  // namespace forebay::sim
