// The program every contender runs: no libc, so that what is timed is the launch. It exits with 0
// at once; with an argument that begins with 'p' it sleeps until it is killed.

static long call3(long number, long first, long second, long third) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(first), "S"(second), "d"(third)
                   : "rcx", "r11", "memory");
  return result;
}

enum { kPause = 34, kExit = 231 };

// The kernel leaves argc at the top of the stack and the argument pointers above it.
__attribute__((used, noreturn)) static void run(const long* stack) {
  if (stack[0] > 1) {
    const char* argument = (const char*)stack[2];  // NOLINT(performance-no-int-to-ptr)
    while (argument[0] == 'p') call3(kPause, 0, 0, 0);
  }
  for (;;) call3(kExit, 0, 0, 0);
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call run\n");
