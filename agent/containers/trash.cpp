#include "agent/containers/trash.h"

#include <pthread.h>
#include <sys/resource.h>

#include <exception>
#include <utility>

#include "os/path.h"

namespace skerry::agent {
namespace {

// Somebody may be launching: a tenth of what a thread of ours gets otherwise.
constexpr int kNice = 10;

}  // namespace

Trash::Trash(Parts parts) : parts_(std::move(parts)), thread_([this] { work(); }) {
  ::pthread_setname_np(thread_.native_handle(), "trash");
}

Trash::~Trash() {
  {
    const runtime::MutexLock lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Trash::collect(std::string name) {
  {
    const runtime::MutexLock lock(mutex_);
    waiting_.push_back(std::move(name));
  }
  wake_.notify_one();
}

std::set<std::string> Trash::pending() const {
  const runtime::MutexLock lock(mutex_);
  return {waiting_.begin(), waiting_.end()};
}

void Trash::work() {
  // Of the calling thread alone: Linux keeps the nice value by thread (setpriority(2), NOTES).
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));
  for (;;) {
    std::string name;
    {
      const runtime::MutexLock lock(mutex_);
      while (waiting_.empty() && !ended_) wake_.wait(mutex_);
      if (ended_) return;
      name = waiting_.front();
    }
    const Result<> removed = remove(name);
    // Told before it is forgotten: somebody always knows of it.
    if (!removed) parts_.on_failure(name, removed.error());
    const runtime::MutexLock lock(mutex_);
    waiting_.pop_front();
  }
}

Result<> Trash::remove(const std::string& name) const {
  TRY(parts_.failpoints.hit("remove.trash"));
  auto removed = os::remove_tree(parts_.directory, name);
  if (!removed && removed.error().code() == Code::kNotFound) return {};
  return removed;
}

}  // namespace skerry::agent
