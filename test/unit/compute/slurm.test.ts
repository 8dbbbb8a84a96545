import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobIdIn } from '../../../core/compute/slurm/commands';
import { endInWords, phaseOf, stateName, waitInWords } from '../../../core/compute/slurm/states';

describe('what Slurm says', () => {
  it('states: long and short names, with what sites and versions add to them', () => {
    for (const said of ['CANCELLED', 'CANCELLED by 1000', 'cancelled+', 'CA', ' ca ', 'CANCELLED,NODE_FAIL'])
      assert.equal(stateName(said), 'CANCELLED', said);
    const phases = {
      waits: ['PD', 'PENDING', 'RQ', 'REQUEUED', 'RH', 'SE', 'SPECIAL_EXIT'],
      works: ['R', 'RUNNING', 'CG', 'COMPLETING', 'CF', 'S', 'ST', 'SO', 'SI'],
      ended: ['CD', 'F', 'TO', 'NF', 'OOM', 'OUT_OF_MEMORY', 'PR', 'DL', 'BF', 'RV', 'CANCELLED by 0'],
      unknown: ['', 'POWERING_UP_NODE', 'FINISHED', '12'],
    };
    for (const [phase, states] of Object.entries(phases))
      for (const state of states) assert.equal(phaseOf(state), phase, state);
  });

  it('reasons: in words, with the jobs that come first; unknown ones as they are', () => {
    assert.equal(waitInWords('PENDING', 'Priority', 3), 'other jobs come first (3 jobs are ahead)');
    assert.equal(waitInWords('PENDING', 'Resources', 1), 'waits for free nodes, CPUs or GPUs (1 job is ahead)');
    assert.match(waitInWords('PENDING', 'JobHeldUser', undefined), /scontrol release/);
    assert.match(waitInWords('REQUEUE_HOLD', 'whatever', undefined), /scontrol release/);
    assert.match(waitInWords('PENDING', 'PartitionTimeLimit', 0), /never start/);
    assert.equal(waitInWords('PENDING', 'QOSMaxGRESPerUser', 2), 'a limit of the account: QOSMaxGRESPerUser');
    assert.equal(waitInWords('PENDING', 'SomethingNew', 2), 'SomethingNew');
    assert.equal(endInWords('OOM', '0:125'), 'ran out of memory');
    assert.equal(endInWords('FAILED', '3:0'), 'failed (FAILED, exit code 3:0)');
  });

  it('job numbers: in every shape that sbatch and its wrappers have; none rather than a wrong one', () => {
    const shapes = {
      '123\n': '123',
      '123;cluster-1\n': '123',
      'Submitted batch job 123\n': '123',
      'Submitted batch job 123 on cluster c\n': '123',
      'Using partition gpu\n  123  \nHave a nice day\n': '123',
      'auth: ok 7 of 9\nSubmitted batch job 123\n45\n': '123',
      '123\n456\n': undefined,
      'job 123 is on its way\n': undefined,
      '': undefined,
    };
    for (const [stdout, id] of Object.entries(shapes)) assert.equal(jobIdIn(stdout), id, stdout);
  });
});
