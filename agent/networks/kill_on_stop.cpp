#include "agent/networks/kill_on_stop.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace skerry::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kAgain = 50ms;
// An operation that was killed so often hangs in the kernel; its own deadline tells of it.
constexpr int kMostKills = 100;

}  // namespace

struct KillOnStop::Shared {
  std::mutex mutex;
  std::condition_variable ended;
  bool is_over = false;
};

KillOnStop::KillOnStop(const std::stop_token& stop,
                       cni::PluginRunner& runner,
                       runtime::WorkerPool& workers,
                       std::string operation)
    : shared_(std::make_shared<Shared>()),
      callback_(stop, [shared = shared_, &runner, &workers, name = std::move(operation)] {
        auto work = [shared, &runner, name] {
          for (int i = 0; i < kMostKills; ++i) {
            static_cast<void>(runner.kill(name));
            std::unique_lock lock(shared->mutex);
            if (shared->ended.wait_for(lock, kAgain, [&] { return shared->is_over; })) return;
          }
        };
        // Without a worker to spare: once, here.
        if (!workers.submit(std::move(work))) static_cast<void>(runner.kill(name));
      }) {}

KillOnStop::~KillOnStop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_over = true;
  }
  shared_->ended.notify_all();
}

}  // namespace skerry::agent
