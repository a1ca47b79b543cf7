// Ranking: each completion is rated, then all are ranked. The cards and slots are in rank.js.

import { words } from "../../lib.js";
import { doubtsOf, isHarmful } from "../doubts.js";
import { digit } from "../keys.js";
import { Ranking } from "../rank.js";
import { letters, mark } from "../show.js";
import { RatingTask } from "./rating.js";

export class RankingTask extends RatingTask {
  constructor(item) {
    super(item);
    const { root, articles } = item;
    this.ranking = new Ranking({ root, articles, onChange: () => item.changed(), say: (text) => item.say(text) });
    item.stopping.signal.addEventListener("abort", () => this.ranking.stop());
  }

  // Begun anew, too, when the places in the form are others than those of the cards.
  start() {
    if (this.isRanking) this.goRate(0);
    super.start();
  }

  get isRanking() {
    return this.item.root.dataset.step === "rank";
  }

  get isComplete() {
    return this.isRanking && this.ranking.isComplete;
  }

  goRate(index) {
    if (this.isRanking) this.ranking.leave();
    this.item.root.dataset.step = "rate";
    super.goRate(index);
  }

  goRank() {
    if (!this.isRanking) {
      this.item.root.dataset.step = "rank";
      this.ranking.enter();
    }
    this.item.show();
    this.focus();
  }

  onAllRated() {
    this.goRank();
  }

  advance() {
    if (!this.isRanking) super.advance();
    else this.item.say(words("unranked", { letters: letters(this.ranking.unranked) }));
  }

  goBack() {
    if (!this.isRanking) return super.goBack();
    this.goRate(this.articles.length - 1);
    return true;
  }

  focus() {
    const card = this.isRanking ? (this.ranking.unranked[0] ?? this.articles[0]) : this.current;
    card.focus({ preventScroll: true });
  }

  onKey(event) {
    return this.isRanking ? this.onRankKey(event) : super.onKey(event);
  }

  onRankKey(event) {
    const { ranking, articles } = this;
    const { pins } = this.item;
    const pinned = pins.articleAt(event.target);
    const card = pinned ?? event.target.closest?.("[data-completion]") ?? ranking.unranked[0];
    const place = digit(event);
    if (event.key === "r") {
      this.item.difference.open(card);
      return true;
    }
    if (event.key === "y") {
      pins.toggleTogether();
      return true;
    }
    if (!card) return false;
    if (event.key === "p") {
      pins.toggle(card);
      return true;
    }
    if (place && place <= articles.length) {
      const isNew = !ranking.place(card);
      ranking.put(card, place);
      if (!pinned) ((isNew && ranking.unranked[0]) || card).focus();
    } else if (event.key === "Backspace" && ranking.place(card)) {
      ranking.put(card, 0);
      if (!pinned) card.focus();
    } else return false;
    return true;
  }

  onClick(button) {
    if (button.dataset.go === "rank") this.goRank();
    else if ("place" in button.dataset) {
      this.ranking.put(button.closest("[data-completion]"), Number(button.dataset.place));
    } else if ("pins" in button.dataset) this.item.pins.toggle(button.closest("[data-completion]"));
    else if ("unpins" in button.dataset) this.item.pins.toggle(this.item.pins.articleAt(button));
    else if ("together" in button.dataset) this.item.pins.toggleTogether();
    else if ("compares" in button.dataset) this.item.difference.open(this.articles[0]);
    else super.onClick(button);
  }

  doubts() {
    const judged = (article) => ({
      letter: article.dataset.letter,
      rating: this.rating(article),
      place: this.ranking.place(article),
      isHarmful: isHarmful(article),
    });
    return doubtsOf(this.articles.map(judged));
  }

  show() {
    const shown = super.show();
    if (this.unrated.length < this.articles.length) this.ranking.prepare();
    const rankStep = this.item.root.querySelector('[data-go="rank"]');
    rankStep.disabled = this.unrated.length > 0;
    mark(rankStep, this.isRanking);
    if (!this.isRanking) return { ...shown, hasNext: true };
    mark(this.item.root.querySelector(`[data-go="${this.index}"]`), false);
    const done = this.ranking.numRanked;
    return { status: words("ranked", { done, total: this.articles.length }) };
  }
}
