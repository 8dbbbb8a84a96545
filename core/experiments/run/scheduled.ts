/** Whether a job script of ours has started this process. What the process starts is not scheduled itself. */
export const SCHEDULED = process.env.WINNOW_SCHEDULED === '1';
delete process.env.WINNOW_SCHEDULED;

/** How often the scheduler has started this job again. */
export const RESTARTS = SCHEDULED ? Number(process.env.WINNOW_RESTARTS ?? 0) : 0;
delete process.env.WINNOW_RESTARTS;

/** Tells a job script to put the job back into the queue (EX_TEMPFAIL of sysexits.h). */
export const INTERRUPTED_EXIT = 75;
