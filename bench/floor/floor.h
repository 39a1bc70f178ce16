#pragma once

/// The floor program: the kernel work of one container launch in a straight line, by the fastest
/// correct way of each step, with no RPC, journal, log, shim or event. Every ratio of the
/// benchmark is taken against it. It needs root and Linux 6.15 (overlay layers by descriptor from
/// detached mounts).

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

enum { kMaxHierarchies = 16, kNameSize = 48 };

/// What the command line asked for.
struct options {
  const char* lower;    ///< the image: a directory with /bin/true and the usual mount points
  const char* scratch;  ///< where the writable layers go; its file system is part of the price
  int rounds;           ///< launches measured, over all workers
  int warmup;           ///< launches before those, not counted, for each worker
  int gap_ms;           ///< pause before each launch
  int workers;          ///< processes that launch at the same time
  int running;          ///< sleeping containers kept alive meanwhile
  bool net;             ///< a network namespace with loopback up; false: the host's
  bool all_cgroups;  ///< v1: mount every hierarchy at /sys/fs/cgroup; false: only the unified one
  bool json;
};

/// One mounted cgroup hierarchy, and our directory skerry-floor-<pid> in it.
struct hierarchy {
  char name[kNameSize];  ///< last component of its mount point, "" for a v2-only host's
  char controllers[64];  ///< v1: as the mount option says, comma-separated
  int parent_fd;         ///< our directory
  int root_fd;           ///< the hierarchy's root
};

struct cgroups {
  struct hierarchy v1[kMaxHierarchies];
  int v1_count;              ///< 0: a v2-only host
  struct hierarchy unified;  ///< root_fd is -1 where no cgroup2 is mounted
  char own_name[kNameSize];
  char cpus[256], mems[256];  ///< a v1 cpuset takes no task before it has both
  int device_program;         ///< v2-only: the loaded eBPF program, else -1
};

/// Finds the hierarchies and makes our directory in each. Ends the program on error.
void cgroups_open(struct cgroups* all);
/// Removes our directories; complains on stderr when it cannot. Returns 0 or -1.
int cgroups_close(struct cgroups* all);
/// Makes container `name` in every hierarchy and sets its limits. Returns a descriptor of the
/// unified one (-1 where there is none).
int cgroups_make(const struct cgroups* all, const char* name);
/// Moves the caller into the v1 hierarchies. In the unified one it was born (CLONE_INTO_CGROUP).
void cgroups_join(const struct cgroups* all, const char* name);
void cgroups_remove(const struct cgroups* all, const char* name);

/// Loads the v2 device allow-list as an eBPF program. Ends the program on error.
int devices_load(void);
void devices_attach(int program, int cgroup_fd);

/// The default seccomp profile as BPF, made by libseccomp with its binary-tree optimisation.
struct sock_fprog profile_build(void);

/// What every launch shares; made once, outside the timing.
struct floor {
  struct options options;
  struct cgroups cgroups;
  struct sock_fprog seccomp;
  int lower_fd;  ///< detached copies, so that a process in another mount namespace may use them
  int scratch_fd;
  int last_cap;
};

/// A container between its launch and its undo.
struct container {
  char name[kNameSize];
  pid_t pid;
};

/// Moves the program to a mount namespace of one empty, read-only mount, so that CLONE_NEWNS has
/// one mount to copy.
void launch_prepare(struct floor* floor);
/// Starts `/bin/true` with one argument; with "pause" it sleeps until killed.
void launch_start(const struct floor* floor, struct container* container, const char* argument);
/// Waits for the exit. Returns the wait status.
int launch_wait(const struct container* container);
/// Removes cgroups and the writable layer.
void launch_undo(const struct floor* floor, const struct container* container);

/// The container's first process, from its birth to its exec.
_Noreturn void inside_run(const struct floor* floor,
                          const char* name,
                          int overlay_fd,
                          const char* argument);

/// Ends the program with "floor: <step>: <errno>".
_Noreturn void fail(const char* step, const char* object);
