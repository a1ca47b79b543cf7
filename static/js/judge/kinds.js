// What each kind of judgement does on the page. All have the same parts:
//
//   start()               shows the first thing to do
//   focus()               gives the focus to what is to be done
//   leave()               after Escape in a text field of its own: the next key is for the page
//   isComplete            whether the judgement may be submitted
//   advance()             Enter before it is complete: the next step, or a word about what is missing
//   goBack()              a step back; whether there was one
//   onKey(event)          whether the key was for it
//   onClick(button), onChange(input, {isClick}), onInput(field)
//   doubts()              sentences about what does not fit together, asked about before the submit
//   setLocked(isLocked)   for fields that are in no fieldset
//   show()                its own part of the page; gives the status, and which of the buttons are there

import { BestTask } from "./kinds/best.js";
import { ConversationTask } from "./kinds/conversation.js";
import { DemonstrationTask } from "./kinds/demonstration.js";
import { PairTask } from "./kinds/pair.js";
import { RankingTask } from "./kinds/ranking.js";
import { RatingTask } from "./kinds/rating.js";

export const TASKS = {
  ranking: RankingTask,
  rating: RatingTask,
  best: BestTask,
  pair: PairTask,
  demonstration: DemonstrationTask,
  conversation: ConversationTask,
};
