#include "base/assert.h"
#include "contract_environment.h"
#include "sim/sim_machine.h"

namespace forebay::io {

namespace {

class SimulatedEnvironment final : public ContractEnvironment {
 public:
  explicit SimulatedEnvironment(sim::Engine engine) : machine_(1, {.engine = engine}) {}
  FileSystem& file_system() override { return machine_.file_system(); }
  std::string root() const override { return "/"; }
  void run(std::function<void(std::function<void()>)> start) override {
    bool finished = false;
    machine_.executor().post([&] { start([&finished] { finished = true; }); });
    FOREBAY_ASSERT(machine_.scheduler().run_until([&finished] { return finished; }));
  }

 private:
  sim::SimMachine machine_;
};

}  // namespace

std::vector<ContractCase> simulated_cases() {
  return {{"Direct", [] { return std::make_unique<SimulatedEnvironment>(sim::Engine::kDirect); }},
          {"PageCache", [] { return std::make_unique<SimulatedEnvironment>(sim::Engine::kPageCache); }}};
}

}  // namespace forebay::io
