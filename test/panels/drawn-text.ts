import type { Page } from 'playwright-core';

interface Recorder {
  drawnTexts: string[];
}

/**
 * From now on remembers what is written into the page's canvases: the labels of a chart are in no element.
 * @returns asks for the texts since it was last asked
 */
export async function recordDrawnText(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const recorder = globalThis as unknown as Recorder;
    recorder.drawnTexts = [];
    const { prototype } = CanvasRenderingContext2D;
    const write: CanvasRenderingContext2D['fillText'] = Reflect.get(prototype, 'fillText');
    prototype.fillText = function (this: CanvasRenderingContext2D, ...given: Parameters<typeof write>) {
      recorder.drawnTexts.push(given[0]);
      write.apply(this, given);
    };
  });
  return () => page.evaluate(() => (globalThis as unknown as Recorder).drawnTexts.splice(0));
}
