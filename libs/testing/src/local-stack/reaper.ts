import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads "add <pid> <signal>", "remove <pid>" and "folder <path>" from its input. When the input ends, however its
 * writer ended, it stops what is left, kills after five seconds what does not stop, and removes the folders.
 */
const SCRIPT = `
trap '' INT TERM HUP
live=' '
folders=''
while read -r verb rest; do
  case $verb in
    add) live="$live\${rest% *}:\${rest#* } " ;;
    remove)
      kept=' '
      for entry in $live; do [ "\${entry%%:*}" = "$rest" ] || kept="$kept$entry "; done
      live=$kept ;;
    folder) folders="$folders$rest
" ;;
  esac
done
for entry in $live; do
  kill -CONT "\${entry%%:*}"
  kill -s "\${entry#*:}" "\${entry%%:*}"
done 2>/dev/null
for round in 1 2 3 4 5; do
  left=' '
  for entry in $live; do kill -0 "\${entry%%:*}" && left="$left$entry "; done 2>/dev/null
  live=$left
  [ "$live" = ' ' ] && break
  sleep 1
done
for entry in $live; do kill -KILL "-\${entry%%:*}" || kill -KILL "\${entry%%:*}"; done 2>/dev/null
printf %s "$folders" | while IFS= read -r folder; do rm -rf -- "$folder"; done
`;

/**
 * A shell that outlives this process by moments and stops the servers it leaves behind. It covers the ends that no
 * handler sees: kill -9, a crash, process.exit.
 */
class Reaper {
  #shell: ChildProcess | undefined;
  #watched = 0;
  #folders = 0;

  watch(pid: number, stopSignal: NodeJS.Signals): void {
    this.#watched += 1;
    this.#tell(`add ${pid} ${stopSignal.replace(/^SIG/, '')}`);
  }

  unwatch(pid: number): void {
    this.#watched -= 1;
    this.#tell(`remove ${pid}`);
    // A killed server may be started again on its data: folders stay until this process ends.
    if (this.#watched > 0 || this.#folders > 0) return;
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  /** Has the folder removed at the end of this process, however it ends. */
  removeAtEnd(folder: string): void {
    this.#folders += 1;
    this.#tell(`folder ${folder}`);
  }

  #tell(line: string): void {
    const stdin = (this.#shell ??= this.#start()).stdin;
    stdin?.write(`${line}\n`);
  }

  #start(): ChildProcess {
    // A session of its own, so that the terminal's Ctrl-C does not reach it.
    const shell = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    shell.unref();
    shell.stdin?.on('error', () => undefined);
    // A pipe is a socket here; neither it nor the shell may keep this process alive.
    (shell.stdin as unknown as { unref(): void }).unref();
    return shell;
  }
}

export const reaper = new Reaper();
